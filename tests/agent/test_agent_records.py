"""a3c64 records: real races in folders of records; faster replaces slower, and two folders merge."""

import hashlib
import json
from pathlib import Path

import pytest
from braking import SLOW_STEPS, drive

from a3c64.cli import laps
from a3c64.config import BadInputError
from a3c64.replays import records as kept_records
from n64gym import Verified

POLISHED = Path(__file__).parents[2] / "docs" / "results" / "laps" / "harbour-scripted.m64"  # three laps


@pytest.fixture(autouse=True)
def _same_environment(monkeypatch):
    """Keep the variables of this process, in which other tests run too."""
    monkeypatch.setattr("a3c64.processes.limit_threads", lambda: None)


def records(*arguments: object) -> int:
    """Run `a3c64 records` in this process; return the exit code."""
    command = next(command for command in laps.COMMANDS if command.name == "records")
    return command([str(argument) for argument in arguments])


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def made_up(seconds: float, digit: str) -> kept_records.Record:
    """A record as a line of the file could claim it."""
    setup = {"course": "meadow", "mode": "time_trial"}
    return kept_records.Record("meadow", "n64gym/OpenKart-v0", "lap", digit * 64, "0" * 40, seconds, setup)


def write(folder: Path, *lines: kept_records.Record) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / kept_records.FILE
    path.write_text("".join(json.dumps(line._asdict()) + "\n" for line in lines))
    return path


def test_faster_replaces_slower_and_folders_merge(tmp_path, capfd):
    slow, fast = drive(tmp_path / "slow", SLOW_STEPS), drive(tmp_path / "fast", range(0))
    laps_of, race_of = {}, {}
    for path in (slow, fast, POLISHED):  # as the environment showed them when the movies were recorded
        facts = json.loads(path.with_suffix(".json").read_text())
        laps_of[path], race_of[path] = facts["lap_times"], facts["metrics"]["race_time_s"]
    mine, theirs = tmp_path / "new" / "mine", tmp_path / "theirs"

    assert records(mine, "--add", slow) == 0
    before = {record.kind: record for record in kept_records.read(mine)}
    assert before["race"].seconds == pytest.approx(race_of[slow])
    assert before["lap"].seconds == pytest.approx(min(laps_of[slow]))
    assert set(files(mine)) == {"records.jsonl"} | {
        Path(record.movie).with_suffix(suffix).name for record in before.values() for suffix in (".m64", ".json")
    }
    assert files(mine)[before["lap"].movie] == slow.read_bytes()

    assert records(mine, "--add", fast) == 0, "its lap and its race are faster"
    found = files(mine)
    assert len(found) == 5
    assert not {record.movie for record in before.values()} & found.keys(), "the slower ones are removed"
    capfd.readouterr()
    assert records(mine, "--add", slow.parent) == 0, "a folder stands for its movies"
    assert files(mine) == found
    told = capfd.readouterr().out.splitlines()
    assert len(told) == 2
    assert all("not faster than" in line and f"{race_of[fast]:.2f} s" in line for line in told)

    assert records(theirs, "--add", POLISHED) == 0
    assert records(mine, "--add", theirs) == 0
    merged = {(record.kind, record.setup.get("laps")): record for record in kept_records.read(mine)}
    assert {key: record.movie_sha256 for key, record in merged.items()} == {
        ("lap", None): hash_of(POLISHED),
        ("race", 1): hash_of(fast),
        ("race", 3): hash_of(POLISHED),
    }
    assert {path.name for path in mine.glob("*.m64")} == {record.movie for record in merged.values()}
    capfd.readouterr()
    assert records(mine) == 0
    rows = capfd.readouterr().out.splitlines()
    assert len(rows) == 4
    assert sum(f"{min(laps_of[POLISHED]):.2f} s" in row and "lap" in row for row in rows) == 1


def test_a_refused_movie_does_not_stop_the_others_and_the_file_can_be_made_again(tmp_path, capfd):
    (tmp_path / "broken.m64").write_text("text")
    kept = tmp_path / "kept"
    assert records(kept, "--add", tmp_path / "broken.m64", POLISHED) == 2
    assert "broken.m64: refused: not usable" in capfd.readouterr().err
    before = files(kept)
    assert len(before) == 5
    (kept / kept_records.FILE).unlink()
    assert records(kept, "--add", kept) == 0
    assert files(kept) == before


def test_a_union_of_two_files_has_the_faster_of_each(tmp_path, capfd):
    faster, slower = made_up(20.0, "a"), made_up(21.0, "b")
    write(tmp_path, faster, slower)
    assert records(tmp_path) == 0
    told = capfd.readouterr().out
    assert f"{faster.movie} (missing)" in told
    assert slower.movie not in told
    assert records(tmp_path, "--json") == 0
    assert json.loads(capfd.readouterr().out) == [{**faster._asdict(), "movie": faster.movie, "missing": True}]
    with pytest.raises(BadInputError, match="give it without --add"):
        records(tmp_path, "--json", "--add", tmp_path)


def test_a_movie_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    folder, movie = tmp_path / "kept", tmp_path / "new.m64"
    movie.write_bytes(b"not the verified movie")
    race = Verified("n64gym/OpenKart-v0", "meadow", {}, (19.0,), 19.0, 9, 9, "OPEN KART", "0" * 40, "c" * 64, False)
    write(folder, made_up(20.0, "a"))
    before = files(folder)
    with pytest.raises(BadInputError, match="has changed while it was verified"):
        kept_records.add(folder, movie, race)
    assert files(folder) == before

    movie.with_suffix(".json").write_text("{}")
    write_whole = kept_records.write_whole

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".m64":  # its JSON is written before it
            raise OSError(28, "No space left on device")
        write_whole(path, data)

    monkeypatch.setattr(kept_records, "write_whole", full)
    with pytest.raises(BadInputError, match="No space left on device"):
        kept_records.add(folder, movie, race._replace(movie_sha256=hash_of(movie)))
    assert files(folder) == before


DAMAGED = {
    "<<<<<<< ours": "expected a JSON object",
    "[]": "expected an object with the keys",
    "[" * 100_000: "expected a JSON object",
    '{"course": "meadow"}': "expected an object with the keys",
    json.dumps(made_up(20.0, "a")._asdict() | {"kind": "../lap"}): "kind must be lap or race",
    json.dumps(made_up(20.0, "a")._asdict() | {"movie_sha256": "../../x"}): "movie_sha256 must have 64 hexadecimal",
    json.dumps(made_up(20.0, "a")._asdict() | {"seconds": 10**400}): "seconds must be a number",
    json.dumps(made_up(20.0, "a")._asdict() | {"seconds": float("nan")}): "seconds must be a number",
    json.dumps(made_up(20.0, "a")._asdict() | {"setup": {"course": {}}}): "setup must be an object of texts",
    json.dumps(made_up(20.0, "a")._asdict() | {"by": "me"}): "expected an object with the keys",
}


@pytest.mark.parametrize("line", DAMAGED, ids=DAMAGED.values())
def test_a_damaged_file_is_one_line_and_nothing_is_lost(tmp_path, line):
    path = write(tmp_path, made_up(20.0, "a"))
    path.write_text(f"{path.read_text()}{line}\n")
    before = files(tmp_path)
    for arguments in ([tmp_path], [tmp_path, "--add", POLISHED]):
        with pytest.raises(BadInputError, match=r"records\.jsonl: line 2 is not a record: ") as caught:
            records(*arguments)
        assert DAMAGED[line] in str(caught.value)
        assert "\n" not in str(caught.value)
    assert files(tmp_path) == before


def test_a_course_s_name_is_never_a_path():
    assert made_up(20.0, "a")._replace(course="../../etc/Passwd").movie == "etc-passwd-lap-aaaaaaaa.m64"
    assert made_up(20.0, "a")._replace(course="/").movie == "course-lap-aaaaaaaa.m64"
