"""Checkpoints survive damaged files, full disks and killed processes."""

import errno
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec
from a3c64.paramserver import optimiser
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy import checkpoint

SPECS = (ParameterSpec("a/kernel", (4, 3), 1.0), ParameterSpec("a/bias", (3,), 0.0))


def snapshot(step: int) -> checkpoint.Snapshot:
    first = checkpoint.first(SPECS, seed=step, hyperparameters={"learning_rate": 0.5})
    vectors = {"mean_square": np.full(15, step, np.float32), "momentum": np.arange(15, dtype=np.float32) - step}
    return first._replace(step=step, version=step // 10, optimiser=vectors)


def test_a_saved_checkpoint_is_loaded_unchanged(tmp_path: Path):
    path = checkpoint.save(tmp_path, snapshot(70))
    loaded = checkpoint.load(path)
    np.testing.assert_array_equal(loaded.weights, snapshot(70).weights)
    assert list(loaded.optimiser) == ["mean_square", "momentum"]
    for name, flat in snapshot(70).optimiser.items():
        np.testing.assert_array_equal(loaded.optimiser[name], flat)
    assert (loaded.specs, loaded.version, loaded.step) == (SPECS, 7, 70)
    assert loaded.hyperparameters == {"learning_rate": 0.5}
    assert (tmp_path / "latest").read_text() == "step_70\n"


def test_the_pace_is_saved_and_a_checkpoint_without_one_begins_at_1(tmp_path: Path):
    path = checkpoint.save(tmp_path, snapshot(70)._replace(pace=0.25))
    assert SharedWeights(Hyperparameters(), checkpoint.load(path)).pace.value == 0.25
    assert SharedWeights(Hyperparameters(target_kl=0.0), checkpoint.load(path)).pace.value is None
    facts = json.loads((path / "state.json").read_bytes())
    del facts["pace"]
    (path / "state.json").write_text(json.dumps(facts))
    assert SharedWeights(Hyperparameters(), checkpoint.load(path)).pace.value == 1.0


def test_the_last_five_checkpoints_are_kept(tmp_path: Path):
    for step in (5, 10, 90, 100, 1000, 1001, 1002):
        checkpoint.save(tmp_path, snapshot(step))
    assert sorted(p.name for p in tmp_path.glob("step_*")) == sorted(f"step_{n}" for n in (90, 100, 1000, 1001, 1002))
    assert checkpoint.newest(tmp_path).step == 1002


def test_saving_the_same_step_again_replaces_the_checkpoint(tmp_path: Path):
    checkpoint.save(tmp_path, snapshot(5))
    checkpoint.save(tmp_path, snapshot(5)._replace(version=77))
    assert checkpoint.newest(tmp_path).version == 77


def as_format_1(path: Path) -> None:
    """Rewrite a checkpoint in format 1: a single optimiser vector, under the parameters' names without a prefix."""
    file, facts = path / "optimiser.safetensors", json.loads((path / "state.json").read_bytes())
    named = load_file(file)
    file.write_bytes(save({spec.name: named[f"mean_square/{spec.name}"] for spec in SPECS}))
    del facts["optimiser"]
    facts["format"] = 1
    facts["sha256"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    (path / "state.json").write_text(json.dumps(facts))


def resumed(path: Path) -> checkpoint.Snapshot:
    return SharedWeights(Hyperparameters(), checkpoint.load(path)).snapshot()


def test_a_checkpoint_of_format_1_resumes_with_its_mean_squares(tmp_path: Path, caplog):
    path = checkpoint.save(tmp_path, snapshot(70))
    as_format_1(path)
    after = resumed(path)
    np.testing.assert_array_equal(after.weights, snapshot(70).weights)
    assert list(after.optimiser) == ["mean_square"]
    np.testing.assert_array_equal(after.optimiser["mean_square"], np.full(15, 70, np.float32))
    assert not caplog.text
    again = checkpoint.load(checkpoint.save(tmp_path, after._replace(step=80)))
    np.testing.assert_array_equal(again.optimiser["mean_square"], after.optimiser["mean_square"])


def test_missing_optimiser_vectors_are_filled_in_and_unknown_ones_dropped(tmp_path: Path, caplog, monkeypatch):
    path = checkpoint.save(tmp_path, snapshot(70))
    monkeypatch.setattr(optimiser, "VECTORS", {"mean_square": 0.0, "scale": 2.0})
    after = resumed(path)
    assert list(after.optimiser) == ["mean_square", "scale"]
    np.testing.assert_array_equal(after.optimiser["mean_square"], np.full(15, 70, np.float32))
    np.testing.assert_array_equal(after.optimiser["scale"], np.full(15, 2, np.float32))
    lacks, holds = [record.getMessage() for record in caplog.records]
    assert "lacks" in lacks
    assert lacks.endswith(": scale (2)")
    assert "the optimiser drops vectors" in holds
    assert holds.endswith(": momentum")


def truncate(path: Path) -> None:
    file = path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-7])


def flip_bit(path: Path) -> None:
    file = path / "optimiser.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def state(**changes):
    """Damage that changes entries of state.json."""

    def damage(path: Path) -> None:
        facts = json.loads((path / "state.json").read_bytes())
        (path / "state.json").write_text(json.dumps(facts | changes))

    return damage


def state_text(text: str):
    return lambda path: (path / "state.json").write_text(text)


def in_place_of(name: str, make):
    """Damage that replaces a file by something else."""

    def damage(path: Path) -> None:
        (path / name).unlink()
        make(path / name)

    return damage


def replace_in_state(old: str, new: str):
    def damage(path: Path) -> None:
        text = (path / "state.json").read_text()
        assert old in text
        (path / "state.json").write_text(text.replace(old, new))

    return damage


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        state(parameters=[["a/kernel", [2**40, 3], 1.0], ["a/bias", [3], 0.0]]),
        state(parameters=[["a/kernel", [-4, -3], 1.0], ["a/bias", [3], 0.0]]),
        state(parameters=[["a/kernel", [3, 4], 1.0], ["a/bias", [3], 0.0]]),
        state(parameters=7),
        state(sha256=None),
        state(format=1),  # its optimiser.safetensors has names with a prefix
        state(format=3),
        state(optimiser=None),
        state(optimiser="mean_square"),
        state(optimiser=["momentum", "variance"]),
        state(optimiser=["mean_square", 7]),
        state(optimiser=["mean_square", "a/b"]),
        state(optimiser=["mean_square"] * 5),
        state(hyperparameters=[1]),
        state(step=-5),
        state(step=2**70),
        state(version="7"),
        state(seconds=-1.0),
        state(pace=-1.0),
        state(pace=[1.0]),
        state(score=[5]),
        replace_in_state('"step": 20', '"step": 1e999'),
        replace_in_state('"seconds": 0.0', '"seconds": NaN'),
        state_text("[" * 100_000),
        state_text("[]"),
        state_text('{"format": 2}' + " " * (5 << 20)),
        in_place_of("state.json", os.mkfifo),
        in_place_of("state.json", os.mkdir),
        in_place_of("weights.safetensors", os.mkfifo),
        in_place_of("weights.safetensors", os.mkdir),
        in_place_of("optimiser.safetensors", lambda path: os.symlink("/dev/zero", path)),
        lambda path: os.truncate(path / "weights.safetensors", 2**40),
        flip_bit,
        lambda path: (path / "state.json").write_text("{"),
        lambda path: (path / "state.json").write_text("{}"),
        lambda path: (path / "state.json").unlink(),
        lambda path: (path / "weights.safetensors").unlink(),
        lambda path: shutil.rmtree(path) or path.mkdir(),
    ],
)
def test_a_damaged_checkpoint_is_skipped_and_named(tmp_path: Path, caplog, damage):
    for step in (10, 20):
        checkpoint.save(tmp_path, snapshot(step))
    damage(tmp_path / "step_20")
    assert checkpoint.newest(tmp_path).step == 10
    assert "step_20 is damaged" in caplog.text


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "put",
    [
        lambda folder: (folder / "step_99999999999999999999999").mkdir(),
        lambda folder: (folder / "step_30").write_text("a file"),
        lambda folder: os.mkfifo(folder / "step_30"),
        lambda folder: (folder / "step_²").mkdir(),
        lambda folder: (folder / "latest").unlink() or (folder / "latest").mkdir(),
        lambda folder: os.mkfifo(folder / ".writing-x"),
    ],
)
def test_other_files_beside_checkpoints_are_ignored(tmp_path: Path, put):
    checkpoint.save(tmp_path, snapshot(20))
    put(tmp_path)
    assert checkpoint.newest(tmp_path).step == 20
    checkpoint.save(tmp_path, snapshot(40))
    assert checkpoint.newest(tmp_path).step == 40


def test_a_folder_without_checkpoints_has_no_newest(tmp_path: Path):
    assert checkpoint.newest(tmp_path) is None
    assert checkpoint.newest(tmp_path / "missing") is None


@pytest.mark.parametrize("after", ["weights.safetensors", "optimiser.safetensors", "state.json"])
def test_a_save_that_is_killed_leaves_the_older_checkpoint(tmp_path: Path, after: str):
    """A process killed during a save leaves the older checkpoint, and the next save removes the unfinished one."""
    checkpoint.save(tmp_path, snapshot(10))
    script = f"""
import os
from a3c64.policy import checkpoint
from test_agent_checkpoint import snapshot
write = checkpoint.write_synced
def dying(path, data):
    write(path, data)
    if path.name == {after!r}:
        os.kill(os.getpid(), 9)
checkpoint.write_synced = dying
checkpoint.save(__import__("pathlib").Path({str(tmp_path)!r}), snapshot(20))
"""
    died = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, timeout=60, check=False)
    assert died.returncode == -9
    assert list(tmp_path.glob(".writing-*"))
    assert checkpoint.newest(tmp_path).step == 10
    checkpoint.save(tmp_path, snapshot(30))
    assert not list(tmp_path.glob(".writing-*"))
    assert checkpoint.newest(tmp_path).step == 30


def test_a_save_that_fails_leaves_the_older_checkpoint(tmp_path: Path):
    checkpoint.save(tmp_path, snapshot(10))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # Python ignores SIGXFSZ, so writing fails with EFBIG
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            checkpoint.save(tmp_path, snapshot(20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "step_10"], "no unfinished checkpoint is left"
    assert checkpoint.newest(tmp_path).step == 10
    checkpoint.save(tmp_path, snapshot(20))
    assert checkpoint.newest(tmp_path).step == 20


BIG = (ParameterSpec("a", (100, 250), 1.0),)  # a checkpoint of 200 KB; two fit on tiny_disk


def big(step: int) -> checkpoint.Snapshot:
    vectors = {"mean_square": np.zeros(25_000, np.float32)}
    return checkpoint.first(BIG, seed=0, hyperparameters={})._replace(step=step, optimiser=vectors)


def test_a_full_disk_removes_the_oldest_checkpoints_first(tiny_disk: Path, caplog):
    for step in (10, 20, 30, 40):
        checkpoint.save(tiny_disk, big(step))
    assert checkpoint.newest(tiny_disk).step == 40
    assert "checkpoint step_10 is removed to make room" in caplog.text
    flip_bit(tiny_disk / "step_40")
    checkpoint.save(tiny_disk, big(50))
    kept = sorted(path.name for path in tiny_disk.glob("step_*"))
    assert kept == ["step_30", "step_50"], "the damaged one is removed, not the newest whole one"


def test_a_full_disk_never_removes_the_only_whole_checkpoint(tiny_disk: Path):
    checkpoint.save(tiny_disk, big(10))
    (tiny_disk / "movie").write_bytes(bytes(300_000))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        checkpoint.save(tiny_disk, big(20))
    assert checkpoint.newest(tiny_disk).step == 10
    assert not list(tiny_disk.glob(".writing-*"))
    (tiny_disk / "movie").unlink()
    checkpoint.save(tiny_disk, big(20))
    assert checkpoint.newest(tiny_disk).step == 20
