"""Policy files of strangers: they import nothing that the user did not name, and choose no path."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import gymnasium
import numpy as np
import pytest
from policy_facts import facts_of
from safetensors.numpy import load_file, save_file

from a3c64 import load
from a3c64.config import BadInputError, Settings
from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.policy import checkpoint, policy_file
from a3c64.policy.resume import resume

EVIL = """
import pathlib
import gymnasium
pathlib.Path("imported").touch()
gymnasium.register("Evil-v0", entry_point="gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=20)
"""
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
SMALL = {"envs_per_worker": 1, "lstm_size": 4}


def a3c64(folder, *arguments, **variables):
    clean = {name: value for name, value in os.environ.items() if name != "DISPLAY" and not name.startswith("A3C64_")}
    command = [Path(sys.executable).with_name("a3c64"), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=clean | variables, capture_output=True, text=True, timeout=120, check=False
    )


def policy(path, shown="", **settings):
    """Write a policy file that fits an environment, with other settings, and with paths as a stranger writes them."""
    hyperparameters = Hyperparameters(env_id=shown or settings["env_id"], **SMALL)
    environments = EnvironmentBatch.make(hyperparameters, worker=0)
    specs = design(environments.view.shape, environments.family, hyperparameters).specs
    environments.close()
    first = checkpoint.first(specs, 0, hyperparameters.model_copy(update=settings).model_dump())
    with mock.patch.object(policy_file, "shareable", dict):
        return policy_file.save(path, policy_file.of(first, command=f"a3c64 train {ESCAPES}"))


def entries(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.fixture
def folder(tmp_path):
    """A user's folder into which a stranger's module was unpacked."""
    (tmp_path / "evil.py").write_text(EVIL)
    return tmp_path


@pytest.mark.parametrize("command", ["eval", "enjoy"])
def test_a_policy_file_imports_no_module_unless_the_user_names_it(folder, command):
    file = policy(folder / "x.safetensors", "CartPole-v1", env_id="evil:Evil-v0")
    for others in ({}, {"A3C64_ENV_ID": "CartPole-v1"}, {"A3C64_ENV_ID": "evil:Evil-v1"}):
        done = a3c64(folder, command, "--policy", file, "--episodes", "1", **others)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "would import evil" in done.stderr
        assert "--env-id evil:Evil-v0" in done.stderr
    arguments = a3c64(folder, command, "--policy", file, "--episodes", "1", "--env-args", "{}")
    assert "would import evil" in arguments.stderr
    assert not (folder / "imported").exists()
    done = a3c64(folder, command, "--policy", file, "--episodes", "1", "--env-id", "evil:Evil-v0")
    assert done.returncode == 0, done.stderr
    assert (folder / "imported").exists()


@pytest.mark.parametrize("setting", ["wrapper", "reward", "network"])
def test_a_policy_file_brings_no_code_of_its_own(folder, setting):
    """Neither for playing nor for an export, nor when a run begins with it."""
    (folder / "evil.py").write_text(EVIL + "\ndef part(*given):\n    return given[0]\n")
    file = policy(folder / "x.safetensors", "CartPole-v1", env_id="CartPole-v1", **{setting: "evil:part"})
    flag = f"--{setting}"
    for words in (("eval", "--episodes", "1"), ("enjoy", "--episodes", "1"), ("export", "x.onnx")):
        done = a3c64(folder, *words, "--policy", file, **{f"A3C64_{setting.upper()}": "math:pi"})
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "would import evil" in done.stderr
        assert f"give {flag} evil:part" in done.stderr
    with pytest.raises(BadInputError, match="would import evil"):
        load(file)
    said = "would import evil" if setting == "network" else f"give load the same {setting}"
    with pytest.raises(BadInputError, match=said), gymnasium.make("CartPole-v1") as env:
        load(file, env).make()
    done = a3c64(folder, "eval", "--policy", file, "--episodes", "1", flag, "none")
    assert done.returncode == 0, done.stderr
    assert not (folder / "imported").exists()
    begun = Settings(run_dir=folder / "run", from_policy=file)
    if setting == "network":
        with pytest.raises(BadInputError, match=r"--from-policy: .* would import evil .* give --network evil:part"):
            resume(begun)
        begun = Settings(run_dir=folder / "run", from_policy=file, network=None)
    assert getattr(resume(begun).settings, setting) is None
    assert not (folder / "imported").exists()
    if setting == "wrapper":
        done = a3c64(folder, "eval", "--policy", file, "--episodes", "1", flag, "evil:part")
        assert done.returncode == 0, done.stderr
        assert (folder / "imported").exists()


def test_random_play_and_export_import_nothing_either(folder):
    file = policy(folder / "x.safetensors", "CartPole-v1", env_id="evil:Evil-v0")
    assert a3c64(folder, "eval", "--random", "--policy", file, "--episodes", "1").returncode == 2
    done = a3c64(folder, "export", "--policy", file, "again.safetensors")
    assert done.returncode == 0, done.stderr
    assert r"\x1b]0;owned\x07\x1b[2J" in done.stdout, "the command in the file is printed escaped"
    assert all(c.isprintable() or c == "\n" for c in done.stdout)
    assert not (folder / "imported").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"cache": "made/by/a/stranger"},
        {"cache": "made"},
        {"cache": "~/made"},
        {"rom": "/etc/passwd"},
        {"rom": "passwd"},
        {"video": "../../../../../../tmp/evil"},
        {"reward": {"progress": "/etc/passwd"}},
        {"course": ["meadow", "../made"]},
    ],
)
def test_paths_in_a_policy_file_are_left_out(folder, arguments):
    file = policy(
        folder / "x.safetensors",
        env_id="n64gym/OpenKart-v0",
        env_args=json.dumps({"time_limit": 1.0, **arguments}),
    )
    home = folder / "home"
    home.mkdir()
    before = entries(folder)
    done = a3c64(folder, "eval", "--policy", file, "--episodes", "1", HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert f"arguments that are paths are left out: {next(iter(arguments))}" in done.stderr
    assert json.loads(done.stdout)["mean_length"] <= 15, "the time limit is kept"
    assert entries(folder) == before


def test_a_path_of_the_user_is_used(folder):
    file = policy(folder / "x.safetensors", env_id="n64gym/OpenKart-v0")
    arguments = json.dumps({"time_limit": 1.0, "cache": "mine"})
    done = a3c64(folder, "eval", "--policy", file, "--episodes", "1", "--env-args", arguments)
    assert done.returncode == 0, done.stderr
    assert list((folder / "mine").iterdir())


def test_a_run_folder_is_the_users_own(folder):
    hyperparameters = Hyperparameters(env_id="CartPole-v1", **SMALL)
    environments = EnvironmentBatch.make(hyperparameters, worker=0)
    specs = design(environments.view.shape, environments.family, hyperparameters).specs
    environments.close()
    own = hyperparameters.model_copy(update={"env_id": "evil:Evil-v0"}).model_dump()
    checkpoint.save(folder / "run" / "checkpoints", checkpoint.first(specs, 0, own))
    done = a3c64(folder, "eval", "--run-dir", "run", "--episodes", "1")
    assert done.returncode == 0, done.stderr
    assert (folder / "imported").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", float("inf")),
        ("step", -1),
        ("step", 10**400),
        ("step", "many"),
        ("command", ["x"]),
        ("format", ["1"]),
        ("hyperparameters", [1]),
        ("hyperparameters", {"env_args": '{"a":' * 100_000}),
        ("hyperparameters", {"env_args": '{"a":' * 400 + "1" + "}" * 400}),
        ("hyperparameters", {"env_id": "\x1b[2J"}),
        ("parameters", [["a", [1], 1.0]]),
    ],
)
def test_a_wrong_fact_in_a_policy_file_is_one_line(folder, name, value):
    file = policy(folder / "x.safetensors", env_id="CartPole-v1")
    changed = json.dumps(facts_of(file) | {name: value})
    tensors = {"a": policy_file.load(file).weights[:1]} if name == "parameters" else None
    save_file(tensors or load_file(file), file, {"a3c64": changed})
    done = a3c64(folder, "enjoy", "--policy", file, "--episodes", "1")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr + done.stdout)


@pytest.mark.parametrize("score", [{}, [], 7, {"mean_reward": 10**400, "episodes": 1}, {"mean_reward": "x"}])
def test_a_score_that_cannot_be_shown_is_left_out(folder, score):
    file = policy(folder / "x.safetensors", env_id="CartPole-v1")
    save_file(load_file(file), file, {"a3c64": json.dumps(facts_of(file) | {"score": score})})
    assert policy_file.load(file).score is None


def test_a_fifo_and_deep_json_are_refused_without_waiting(folder):
    os.mkfifo(folder / "fifo")
    done = a3c64(folder, "enjoy", "--policy", "fifo")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "must be a regular file" in done.stderr
    save_file({"a": np.zeros(1, np.float16)}, folder / "deep", {"a3c64": "[" * 100_000})
    done = a3c64(folder, "enjoy", "--policy", "deep")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nested too deeply" in done.stderr


@pytest.mark.parametrize("value", ["x" * 100_000, [["x" * 100] * 100] * 100])
@pytest.mark.parametrize("name", ["format", "parameters", "step", "command"])
def test_a_long_value_is_cut_in_the_message(folder, name, value):
    file = policy(folder / "x.safetensors", env_id="CartPole-v1")
    save_file(load_file(file), file, {"a3c64": json.dumps(facts_of(file) | {name: [["w", value, 1.0]]})})
    with pytest.raises(BadInputError) as error:
        policy_file.load(file)
    assert len(str(error.value)) < 700


def test_many_parameters_are_checked_in_linear_time(folder):
    """In quadratic time, this would exceed pytest's timeout."""
    file = policy(folder / "x.safetensors", env_id="CartPole-v1")
    names = [[f"p{k}", [1], 0.0] for k in range(200_000)]
    save_file(load_file(file), file, {"a3c64": json.dumps(facts_of(file) | {"parameters": names})})
    with pytest.raises(BadInputError, match="not a policy file"):
        policy_file.load(file)


def test_weights_beyond_single_precision_are_refused(folder):
    file = policy(folder / "x.safetensors", env_id="CartPole-v1")
    facts, tensors = facts_of(file), load_file(file)
    name = next(iter(tensors))
    save_file(tensors | {name: np.full(tensors[name].shape, 1e300)}, file, {"a3c64": json.dumps(facts)})
    with pytest.raises(BadInputError, match="must be finite numbers"):
        policy_file.load(file)
