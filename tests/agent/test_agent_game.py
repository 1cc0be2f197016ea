"""A run of a game folder (a3c64 train --game): the run's folder has a copy of it, and needs nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live import free_port

import n64gym
from a3c64.cli.games import keep_game, with_game
from a3c64.config import BadInputError, Settings
from a3c64.policy.resume import resume

A3C64 = Path(sys.executable).with_name("a3c64")
OPEN_KART = Path(n64gym.__file__).parent / "game_folder" / "openkart"
QUICK = ("--web-port", "0", "--tensorboard-port", "0", "--eval-interval", "0", "--workers", "1")


@pytest.fixture
def mine(tmp_path):
    """A game folder: Open Kart, with episodes of two seconds."""
    shutil.copytree(OPEN_KART, tmp_path / "mine")
    change(tmp_path / "mine", "time = 200", "time = 2")
    return tmp_path / "mine"


def change(folder, old, new):
    text = (folder / "game.toml").read_text()
    assert old in text
    (folder / "game.toml").write_text(text.replace(old, new))


def a3c64(folder, command, *words):
    done = subprocess.run([A3C64, command, *words], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_of_a_game_can_be_moved_resumed_evaluated_and_replayed(tmp_path, mine):
    port = f"tcp://127.0.0.1:{free_port()}"
    about = ("--game", "mine", "--env-args", '{"noop_max": 8}', "--run-dir", "runs/first", "--total-timesteps", "500")
    a3c64(tmp_path, "train", *QUICK, "--bind", port, *about)
    shutil.rmtree(mine)
    (tmp_path / "runs/first").rename(tmp_path / "runs/moved")
    resumption = resume(Settings(run_dir=tmp_path / "runs/moved"))
    assert resumption.exists
    assert not resumption.changes
    arguments = json.loads(resumption.settings.env_args)
    assert arguments == {"game": str(tmp_path / "runs/moved/game"), "noop_max": 8}
    means = json.loads(a3c64(tmp_path, "eval", "--run-dir", "runs/moved", "--episodes", "1"))
    assert (means["env_id"], means["n"], means["mean_length"]) == ("n64gym/Game-v0", 1, 30)
    assert "progress" in means["figures"]
    a3c64(tmp_path, "replay", "runs/moved", "--best", "1")


def settings(run_dir, game):
    return Settings(run_dir=run_dir, env_id="n64gym/Game-v0", env_args=json.dumps({"game": str(game)}))


def test_a_run_keeps_the_game_that_it_began_with(tmp_path, mine):
    given = settings(tmp_path / "run", mine)
    assert with_game(given, {"game": None}) == given
    kept = keep_game(given)
    assert json.loads(kept.env_args)["game"] == str(tmp_path / "run" / "game")
    assert with_game(given, {"game": None}) == kept
    change(mine, "100 * delta", "90 * delta")
    with pytest.raises(BadInputError, match=r"is a run of another version of this game.*--from-policy"):
        with_game(given, {"game": None})


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('progress = "100 * delta(progress)"\nfinish = "100 * (finished > prev.finished)"', "", "has no [reward]"),
        ("delta(progress)", "delta(progres)", "game.toml: reward.progress: found the name 'progres' (maybe you meant"),
    ],
)
def test_a_game_that_cannot_be_trained_is_refused_before_anything_is_written(tmp_path, mine, old, new, error):
    change(mine, old, new)
    with pytest.raises(BadInputError) as caught:
        with_game(Settings(run_dir=tmp_path / "run"), {"game": mine})
    assert error in str(caught.value)
    assert not (tmp_path / "run").exists()
