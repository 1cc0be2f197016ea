"""`a3c64 train` resumes the run in its folder without flags, records the commands, and refuses another environment."""

import json

import pytest
from live import SMALL

from a3c64.policy import checkpoint

NOT_GIVEN = {name.removeprefix("A3C64_").lower(): "" for name in SMALL if name not in ("A3C64_TENSORBOARD_PORT",)}
NOT_GIVEN |= {"web_port": 0, "workers": 1}


@pytest.mark.timeout(200)
def test_train_resumes_the_run_in_its_folder(stack):
    settings = {"workers": 1, "eval_interval": 0, "total_timesteps": 400}
    done = stack.run("a3c64", "train", "--learning-rate", "0.002", timeout_s=90, **settings)
    assert done.returncode == 0, done.stderr
    done = stack.run("a3c64", "train", "--total-timesteps", "800", timeout_s=90, **NOT_GIVEN)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "changed from now on: total_timesteps 400 -> 800" in said
    assert said.count("->") == 1, "nothing else has changed"
    newest = checkpoint.newest(stack.run_dir / "checkpoints")
    assert newest.step >= 800
    told = ("env_id", "lstm_size", "t_max", "learning_rate", "eval_interval", "total_timesteps")
    wanted = ["tiny_env:TinyImage-v0", 32, 5, 0.002, 0.0, 800]
    assert [newest.hyperparameters[name] for name in told] == wanted
    config = json.loads((stack.run_dir / "config.json").read_text())
    assert [config[name] for name in told] == wanted
    commands = [line.split(" ", 2)[2] for line in (stack.run_dir / "command.txt").read_text().splitlines()]
    assert commands == ["a3c64 train --learning-rate 0.002", "a3c64 train --total-timesteps 800"]

    before = {path: path.stat().st_mtime_ns for path in stack.run_dir.rglob("*")}
    refused = stack.run("a3c64", "train", "--env-id", "CartPole-v1", **NOT_GIVEN | {"env_id": ""})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "env_id tiny_env:TinyImage-v0 -> CartPole-v1" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in stack.run_dir.rglob("*")} == before
