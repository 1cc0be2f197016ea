"""Replays that workers record, those that they keep, and the files that a killed worker leaves."""

import itertools
import json
import math
import os
import signal
from pathlib import Path

from live import until

from a3c64.worker.replay_folder import BLOCK, ReplayFolder, StoredReplay, surplus
from n64gym.movies.playback import Playback

SHORT = '{"stuck_limit": 1.0, "time_limit": 3.0}'
SETTINGS = {"env_id": "n64gym/OpenKart-v0", "env_args": SHORT, "frame_size": 42, "t_max": 10, "eval_interval": 0}


def pairs(folder: Path) -> list[Path]:
    return [movie for movie in sorted(folder.glob("*.m64")) if movie.with_suffix(".json").exists()]


def facts_of(movie: Path) -> dict:
    return json.loads(movie.with_suffix(".json").read_text())


def test_a_worker_records_and_one_that_is_killed_leaves_whole_movies(stack):
    stack.start("a3c64.paramserver", **SETTINGS)
    worker = stack.start("a3c64.worker", **SETTINGS)
    folder = stack.run_dir / "replays" / "worker-0"
    until(lambda: len(pairs(folder)) > 8, 150, "episodes on disk")
    worker.kill()
    worker.wait()
    (folder / ".writing-left").write_bytes(b"half")
    (folder / "19700101-000000-gone-000001.json").write_text("{}")
    movies = sorted(folder.glob("*.m64"))
    assert pairs(folder) == movies, "no movie without its JSON"
    for movie in (movies[0], movies[-1]):
        playback = Playback(movie)
        while not playback.over:
            playback.step()
        playback.close()
        assert playback.diverged == ""
    first, last = facts_of(movies[0]), facts_of(movies[-1])
    assert first["training"]["worker"] == 0
    assert 0 <= first["training"]["step"] < last["training"]["step"]
    assert 0 <= first["training"]["version"] < last["training"]["version"]
    assert last["training"]["step"] <= stack.report().steps

    # Another worker takes over the killed one's index and folder, and removes unfinished files.
    stack.wait_for(lambda r: not r.workers, 60, "the killed worker is removed")
    again = stack.start("a3c64.worker", **SETTINGS)
    until(lambda: len(pairs(folder)) > len(movies) + 4, 150, "new replays in the same folder")
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0
    assert not list(folder.glob(".writing-*"))
    assert not (folder / "19700101-000000-gone-000001.json").exists()


def test_a_replay_that_cannot_be_written_is_logged_once_and_training_goes_on(stack):
    stack.start("a3c64.paramserver", **SETTINGS)
    stack.run_dir.mkdir(exist_ok=True)
    folder = stack.run_dir / "replays" / "worker-0"
    worker = stack.start("a3c64.worker", **SETTINGS)
    until(lambda: pairs(folder), 150, "an episode on disk")
    until(lambda: _move_away(folder), 60, "the folder is moved away")
    steps = stack.report().steps
    stack.wait_for(lambda r: r.steps > steps + 2000, 150, "training goes on")
    assert stack.log(worker).count("no replay can be written to") == 1
    folder.mkdir()
    until(lambda: pairs(folder), 60, "a replay in the new folder")
    until(lambda: "replays can be written again" in stack.log(worker), 60, "a line in the log")
    assert stack.log(worker).count("replays can be written again") == 1


def _move_away(folder: Path) -> bool:
    os.rename(folder, folder.with_name("elsewhere"))
    return True


def test_an_environment_that_is_not_an_n64_game_is_not_recorded(stack):
    stack.start("a3c64.paramserver")  # the tiny environment
    stack.start("a3c64.worker")
    stack.wait_for(lambda r: r.steps > 200, 150, "it works")
    assert not (stack.run_dir / "replays").exists()


def write(folder: Path, number: int, step: int, total: float) -> Path:
    path = folder / f"{number:06d}.m64"
    path.with_suffix(".json").write_text(json.dumps({"training": {"step": step}, "return": total}))
    path.write_bytes(bytes(2 * BLOCK))
    return path


def test_a_folder_keeps_to_its_share_and_spreads_its_replays(tmp_path):
    folder = ReplayFolder(tmp_path / "worker-0", limit=120 * BLOCK)  # 40 replays of 3 blocks each
    best = 777
    for number in range(1000):
        facts = {"training": {"step": 100 * number}, "return": 1000.0 if number == best else float(number % 10)}
        path = write(folder.path, number, facts["training"]["step"], facts["return"])
        folder.add(path, facts)
        kept = sorted(folder.path.glob("*.m64"))
        assert len(kept) <= 40
        assert path in kept, "the newest replay is kept"
    assert folder.path / f"{best:06d}.m64" in kept
    assert len(kept) == len(list(folder.path.glob("*.json"))) >= 30
    numbers = sorted(int(path.stem) for path in kept)
    assert numbers[0] < 50
    assert max(b - a for a, b in itertools.pairwise(numbers)) < 120, "kept replays are spread over the run"
    assert [replay.path for replay in folder.replays] == kept

    # With a second worker, the share is half. The second worker's folder is not touched.
    other = tmp_path / "worker-1"
    other.mkdir()
    theirs = write(other, 1, 0, 0.0)
    folder.add(write(folder.path, 1000, 100_000, 0.0), {"training": {"step": 100_000}, "return": 0.0})
    assert len(list(folder.path.glob("*.m64"))) <= 20
    assert theirs.exists()

    # A process that takes over the folder finds the same replays.
    assert ReplayFolder(folder.path, 120 * BLOCK).replays == folder.replays


def test_a_replay_with_damaged_json_ranks_last(tmp_path):
    good, bad = write(tmp_path, 1, 0, 1.0), write(tmp_path, 2, 0, 1.0)
    bad.with_suffix(".json").write_text("{")
    write(tmp_path, 3, 100, 2.0), write(tmp_path, 4, 200, 0.0)
    found = {replay.path: replay for replay in ReplayFolder(tmp_path, 10**9).replays}
    assert found[bad].total == -math.inf
    assert found[good].total == 1.0


def test_the_surplus_can_be_all_replays():
    replays = [StoredReplay(Path(str(k)), 10, k, float(k)) for k in range(7)]
    assert len(surplus(replays, 1000)) == 7
    assert len(surplus(replays, 15)) == 2
    assert surplus(replays, 0) == []
