"""Verify movies of races, and describe the result in text (`a3c64 verify`)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError, Settings, named
from a3c64.replays import files
from n64gym import EmulatorError, MovieError, RomError, Verified, verify


class Checked(NamedTuple):
    """A movie, and what verification found: a race, or the reason to refuse it."""

    path: Path
    race: Verified | None
    kind: str = ""  # of the fault, such as "changed movie"
    why: str = ""


def movies(paths: Sequence[Path]) -> list[Path]:
    """Return the movies in files and folders.

    Raises:
        BadInputError: a path does not exist, or there is no movie.
    """
    found, skipped = files.find(paths)
    paths_found = sorted([replay.path for replay in found] + [one.path for one in skipped])
    if not paths_found:
        raise BadInputError(f"no movie (.m64) in {', '.join(map(str, paths))}")
    return paths_found


def check(path: Path, settings: Settings) -> Checked:
    """Verify a movie.

    Raises:
        BadInputError: the ROM, or an argument of the environment, cannot be used.
    """
    try:
        return Checked(path, verify(path, settings.rom or None, settings.env_id, arguments(settings)))
    except MovieError as error:
        return Checked(path, None, error.name, str(error).removeprefix(f"{path}: ").removeprefix(f"{path} "))
    except EmulatorError as error:
        return Checked(path, None, "emulator failed", str(error))
    except RomError as error:
        raise BadInputError(f"{named('rom')}: {error}") from None
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{named('env_args')}: {error}") from None


def arguments(settings: Settings) -> Mapping[str, Any]:
    """Return the arguments of the environment that reads the race. Only those about the ROM matter there."""
    given = json.loads(settings.env_args)
    return {name: value for name, value in given.items() if name == "check_rom"}


def described(race: Verified) -> Iterator[tuple[str, str]]:
    """Yield names and texts that describe a verified race."""
    yield "game", race.game
    yield "course", race.title
    yield "race", ", ".join(f"{name} {value}" for name, value in race.setup.items() if name != "course")
    yield "laps", ", ".join(f"{seconds:.2f} s" for seconds in race.lap_times)
    yield "best lap", f"{min(race.lap_times):.2f} s"
    yield "race time", f"{race.race_time:.2f} s"
    yield "inputs", f"{race.inputs:,} from power-on, {race.race_inputs:,} of them in the race"
    yield "ROM", f"{race.rom}, SHA-1 {race.rom_sha1}"
    yield "movie", f"SHA-256 {race.movie_sha256}"
    if not race.compared:
        yield "note", "there is no JSON beside the movie, so a change of its inputs would not be noticed"
