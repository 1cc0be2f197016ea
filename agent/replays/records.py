"""Keep the fastest verified laps and races in a folder (`a3c64 records`).

The folder has the movies and one text file with a line for each record, so that it can be shared by git. A movie's name
ends with its hash: a faster movie is a new file, and the records change in one step, when the text file is replaced.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError
from a3c64.files import read_regular, write_whole
from n64gym import Verified

FILE = "records.jsonl"
MAX_BYTES = 4 << 20  # of FILE; a record has about 300
MOST = 64 << 20  # bytes of a movie or of its JSON
DIGITS = 8  # of a movie's SHA-256, in its name
MOST_LETTERS = 60  # characters of a course, in a movie's name
LONGEST_S = 86_400
NOT_OF_A_LAP = ("laps", "start")  # settings of a race that a whole lap does not depend on


class Record(NamedTuple):
    """The fastest lap or race on a course. The fields are the keys of a line of FILE."""

    course: str
    game: str  # the environment's id
    kind: str  # lap or race
    movie_sha256: str
    rom_sha1: str
    seconds: float
    setup: dict[str, Any]  # the settings of the race; of a lap without NOT_OF_A_LAP

    @property
    def competition(self) -> tuple[str, ...]:
        """Return what two records must have in common to be compared; also their order in FILE."""
        return self.course, self.game, self.rom_sha1, json.dumps(self.setup, sort_keys=True), self.kind

    @property
    def movie(self) -> str:
        """Return the name of the movie's file."""
        course = re.sub(r"[^a-z0-9]+", "-", self.course.lower())[:MOST_LETTERS].strip("-") or "course"
        return f"{course}-{self.kind}-{self.movie_sha256[:DIGITS]}.m64"


class Result(NamedTuple):
    """What became of a movie's lap or race."""

    record: Record  # of the movie
    before: Record | None  # the record until now
    kept: bool


def read(folder: Path) -> list[Record]:
    """Return all records of a folder; none if it has no FILE.

    Raises:
        BadInputError: the file cannot be read, or a line is not a record.
    """
    path = folder / FILE
    try:
        lines = read_regular(path, MAX_BYTES).split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    records = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                records.append(_record(json.loads(line)))
        except (ValueError, RecursionError) as error:
            why = error if type(error) is ValueError else "expected a JSON object"
            raise BadInputError(
                f"{path}: line {number} is not a record: {why}; mend the line, or delete the file and make it again: "
                f"a3c64 records {folder} --add {folder}"
            ) from None
    return records


def fastest(records: Iterable[Record]) -> list[Record]:
    """Return the fastest record of each competition, ordered. There may be two after git has merged two files."""
    best = {record.competition: record for record in sorted(records, key=lambda one: (-one.seconds, one.movie_sha256))}
    return [best[competition] for competition in sorted(best)]


def add(folder: Path, path: Path, race: Verified) -> list[Result]:
    """Keep the verified movie at `path` if its fastest lap or its race is faster than the record.

    The movies of slower records stay until `remove_beaten`.

    Raises:
        BadInputError: the movie has changed since it was verified, or the folder cannot be read or written.
    """
    try:
        movie, facts = read_regular(path, MOST), _facts(path)
        if hashlib.sha256(movie).hexdigest() != race.movie_sha256:
            raise BadInputError(f"{path} has changed while it was verified; nothing of it was kept")
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            records = read(folder)
            best = {record.competition: record for record in fastest(records)}
            results = []
            for record in _of(race):
                before = best.get(record.competition)
                faster = before is None or record.seconds < before.seconds or not (folder / before.movie).is_file()
                if faster:
                    best[record.competition] = record
                    _copy(folder / record.movie, movie, facts)
                results.append(Result(record, before, faster))
            if (kept := fastest(best.values())) != records:
                lines = (json.dumps(record._asdict(), sort_keys=True) + "\n" for record in kept)
                write_whole(folder / FILE, "".join(lines).encode())
            return results
    except OSError as error:
        raise BadInputError(f"{path} cannot be kept in {folder}: {error.strerror}") from None


def remove_beaten(folder: Path, earlier: Iterable[Record]) -> None:
    """Remove the movies of earlier records that are records no longer.

    Raises:
        BadInputError: the folder cannot be read or written.
    """
    try:
        with _alone(folder):
            names = {record.movie for record in read(folder)}
            for record in earlier:
                if record.movie not in names:
                    (folder / record.movie).unlink(missing_ok=True)
                    (folder / record.movie).with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        raise BadInputError(f"slower movies in {folder} cannot be removed: {error.strerror}") from None


def _of(race: Verified) -> Iterator[Record]:
    """Yield the records that a race could be."""
    lap = {name: value for name, value in race.setup.items() if name not in NOT_OF_A_LAP}
    for kind, seconds, setup in (("lap", min(race.lap_times), lap), ("race", race.race_time, race.setup)):
        yield Record(race.title, race.game, kind, race.movie_sha256, race.rom_sha1, seconds, setup)


def _record(value: Any) -> Record:
    """Check the value in a line. Raises ValueError."""
    if not isinstance(value, dict) or value.keys() != set(Record._fields):
        raise ValueError(f"expected an object with the keys {', '.join(Record._fields)}")
    record = Record(**value)
    if not all(isinstance(text, str) for text in (record.course, record.game)):
        raise ValueError("course and game must be texts")
    if record.kind not in ("lap", "race"):
        raise ValueError("kind must be lap or race")
    for name, digits in (("movie_sha256", 64), ("rom_sha1", 40)):
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", str(value[name])):
            raise ValueError(f"{name} must have {digits} hexadecimal digits")
    if type(record.seconds) not in (int, float) or not 0 < record.seconds <= LONGEST_S:
        raise ValueError(f"seconds must be a number above 0 and up to {LONGEST_S:,}")
    if not isinstance(record.setup, dict) or not all(map(_is_setting, record.setup.values())):
        raise ValueError("setup must be an object of texts, numbers, and lists of these")
    return record


def _is_setting(value: Any) -> bool:
    return all(
        one is None or isinstance(one, str | int | float) for one in (value if isinstance(value, list) else [value])
    )


def _facts(path: Path) -> bytes | None:
    try:
        return read_regular(path.with_suffix(".json"), MOST)
    except FileNotFoundError:
        return None


def _copy(target: Path, movie: bytes, facts: bytes | None) -> None:
    """Write a movie and its JSON, both or none. A file that is there already stays: its name has the movie's hash."""
    files = {target.with_suffix(".json"): facts, target: movie}
    new = {path: data for path, data in files.items() if data is not None and not path.exists()}
    try:
        for path, data in new.items():
            write_whole(path, data)
    except OSError:
        for path in new:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
