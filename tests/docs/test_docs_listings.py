"""The listings in docs/ work as the pages say: they are saved, trained, evaluated and filmed."""

import importlib
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from live import ROOT, free_port
from onnx_policies import played, random_policy
from pages import listings

import a3c64 as a3c64_package
from a3c64.api.playing import Policy
from a3c64.envs.figures import declared_in
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.roster import Member
from a3c64.policy import onnx_file, policy_file
from a3c64.policy.fitted import fit

LISTINGS = {one.title: one.text for one in listings() if one.language == "python" and one.title}
TENTH = """

class Tenth(gym.RewardWrapper):
    def reward(self, reward):
        return float(reward) / 10
"""
OWN_FILES = [title for title in LISTINGS if title.startswith("my_")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder with the files of the page; it is not on Python's path."""
    place = tmp_path_factory.mktemp("mine")
    for title in OWN_FILES:
        (place / title).write_text(LISTINGS[title])
    return place


def a3c64(folder, *words):
    """Run a command in that folder; return its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("A3C64_", "PYTHONPATH"))}
    program = [sys.executable, "-P", "-c", "import sys; from a3c64.cli.main import main; sys.exit(main())"]
    done = subprocess.run([*program, *words], cwd=folder, env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_python_listing_has_a_test():
    assert set(LISTINGS) == {
        *OWN_FILES,
        "find.py",
        "play.py",
        "play_onnx.py",
        "metadata of your environment",
    }
    untitled = [one for one in listings() if one.language == "python" and not one.title]
    assert [one.page.parent.name for one in untitled] == ["env-image"]  # tests/n64gym/test_readme.py runs it


def test_the_documented_environment_keeps_gymnasiums_contract(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    importlib.import_module("my_env")
    with gymnasium.make("Corridor-v0") as env:
        check_env(env.unwrapped, skip_render_check=True)


def small(run):
    """The flags of a short run."""
    ports = ["--bind", f"tcp://127.0.0.1:{free_port()}", "--tensorboard-port", "0", "--web-port", "0"]
    return ["--run-dir", run, *ports, "--workers", "1", "--eval-interval", "0", "--status-interval", "1"]


def test_the_documented_parts_are_used_by_train_eval_enjoy_and_export(folder):
    """All in one run, because each start of a process takes time."""
    short = json.dumps({"laps": 1, "time_limit": 2, "noop_max": 0})
    own = ["--reward", "my_kart:fast", "--wrapper", "my_reward:Tenth", "--network", "my_network:attention"]
    (folder / "my_reward.py").write_text(LISTINGS["my_reward.py"] + TENTH)
    noted = ["--callback", "my_callback:Notes"]
    a3c64(folder, "train", *own, "--env-args", short, *small("runs/own"), "--total-timesteps", "400", *noted)
    config = json.loads((folder / "runs/own/config.json").read_text())
    assert [config[name] for name in ("reward", "wrapper", "network")] == own[1::2]
    run = ["--run-dir", "runs/own", "--episodes", "1"]
    found = json.loads(a3c64(folder, "eval", *run))
    terms = {name: value for name, value in found["figures"].items() if name.startswith("reward_")}
    assert terms.keys() == {"reward_driven", "reward_speed"}
    assert found["mean_return"] == pytest.approx(sum(terms.values()) / 10, rel=1e-3)
    without = json.loads(a3c64(folder, "eval", *run, "--wrapper", "none", "--reward", "none"))
    assert without["figures"].keys() & {"reward_driven", "reward_progress"} == {"reward_progress"}
    notes = (folder / "runs/own/notes.txt").read_text().splitlines()
    assert re.fullmatch(r"step_\d+: [1-9]\d* episodes, [1-9]\d* updates", notes[-1])
    assert any(spec.name == "own/0_kernel" for spec in policy_file.of_run(folder / "runs/own").specs)
    a3c64(folder, "export", "--run-dir", "runs/own", "own.onnx")
    a3c64(folder, "enjoy", *run, "--mp4", "own.mp4")
    assert (folder / "own.mp4").stat().st_size > 1000


def test_the_documented_search_finds_a_clock(rom, tmp_path):
    (tmp_path / "game.z64").symlink_to(rom("gpu"))  # counts the VIs
    (tmp_path / "find.py").write_text(LISTINGS["find.py"])
    command = [sys.executable, "find.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert re.fullmatch(r"\{'clock': \d+\}\n", done.stdout)


def test_the_documented_callback_ends_a_perfect_run(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    notes = importlib.import_module("my_callback").Notes()
    for mean_reward in (500.0, 500.0, 499.0, 500.0, 500.0):
        notes.on_evaluation(SimpleNamespace(mean_reward=mean_reward), None)
    with pytest.raises(a3c64_package.StopTraining, match="three perfect"):
        notes.on_evaluation(SimpleNamespace(mean_reward=500.0), None)


def test_the_documented_wrapper_changes_the_reward(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    with gymnasium.make("CartPole-v1") as plain:
        env = importlib.import_module("my_reward").Centred(plain)
        env.reset(seed=1)
        observation, reward, *_ = env.step(1)
    assert reward == 1.0 - abs(observation[0])


def test_the_corridor_is_trained_evaluated_filmed_and_exported(folder):
    run = ["--run-dir", "runs/corridor"]
    a3c64(folder, "train", "--env-id", "my_env:Corridor-v0", *small("runs/corridor"), "--total-timesteps", "4000")
    evaluated = json.loads(a3c64(folder, "eval", *run, "--episodes", "4"))
    assert evaluated["env_id"] == "my_env:Corridor-v0"
    assert evaluated["n"] == 4
    a3c64(folder, "enjoy", *run, "--episodes", "1", "--mp4", "corridor.mp4")
    assert (folder / "corridor.mp4").stat().st_size > 1000
    a3c64(folder, "export", *run, "my.safetensors")
    trusted = ("--env-id", "my_env:Corridor-v0")  # a policy file may be a stranger's
    assert "my_env:Corridor-v0" in a3c64(folder, "enjoy", "--policy", "my.safetensors", *trusted, "--episodes", "1")


def test_a_missing_module_is_named(tmp_path):
    with pytest.raises(AssertionError, match="there is no module 'my_env'"):
        a3c64(tmp_path, "eval", "--random", "--env-id", "my_env:Corridor-v0")


def test_the_documented_figures_are_valid():
    names: dict = {}
    exec(LISTINGS["metadata of your environment"], names)
    figures = declared_in(names["metadata"], "MyEnv-v0")
    assert [one.name for one in figures.declared] == list(names["metadata"]["figures"])
    assert figures["round_2_s"].unit == "s"


def test_play_py_plays(capsys, monkeypatch):
    """At toy size: one episode of one short lap."""
    from a3c64.policy import policy_file

    policy = policy_file.bundled("n64gym/OpenKart-v0")
    short = policy.hyperparameters.model_copy(update={"env_args": '{"laps": 1, "time_limit": 2}', "envs_per_worker": 2})
    monkeypatch.setattr(policy_file, "bundled", lambda env_id: policy._replace(hyperparameters=short))
    exec(compile(LISTINGS["play.py"], "play.py", "exec"), {})
    assert "'progress'" in capsys.readouterr().out


@pytest.mark.parametrize("lstm_size", [0, 8])
def test_play_onnx_py_plays_without_a3c64(tmp_path, lstm_size):
    """Also with a stack of frames and a memory."""
    settings = Hyperparameters(env_id="CartPole-v1", frame_stack=3, lstm_size=lstm_size)
    with gymnasium.make("CartPole-v1") as env:
        fitted = fit(random_policy(settings, env), settings, env)
        onnx_file.save(tmp_path / "cartpole.onnx", fitted)
        total = played(Policy(fitted), env, seed=1)
    play = [sys.executable, "-I", "-c", LISTINGS["play_onnx.py"]]
    done = subprocess.run(play, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"return {total}\n"


def test_the_table_of_reward_terms_is_complete():
    from n64gym.race import COSTS, OBJECTIVES, PRESETS

    page = (ROOT / "docs" / "your-own.md").read_text()
    added = page.split("| Added to the reward |")[1].split("\n\n")[0]
    subtracted = page.split("| Subtracted from the reward |")[1].split("\n\n")[0]
    for table, terms in ((added, OBJECTIVES), (subtracted, COSTS)):
        named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        assert sorted(named) == sorted(terms)
    for preset in PRESETS:
        assert f'"{preset}"' in page


def test_the_table_of_race_values_is_complete():
    from n64gym.race import RaceStatus

    page = (ROOT / "docs" / "your-own.md").read_text()
    rows = page.split("| In `info` | Value |")[1].split("\n\n")[0].splitlines()[2:]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(RaceStatus._fields)


def test_the_table_of_a_games_methods_names_those_it_must_define():
    from n64gym import N64Env

    page = (ROOT / "env-image" / "README.md").read_text()
    rows = page.split("| Method | Does |")[1].split("\n\n")[0].splitlines()[2:]
    named = [re.findall(r"`(\w+)\(", row)[0] for row in rows]
    assert set(named[:3]) == N64Env.__abstractmethods__
    assert all(hasattr(N64Env, name) for name in named)


def test_the_table_of_worker_states_has_every_state():
    page = (ROOT / "docs" / "watching.md").read_text()
    rows = page.split("| State | Meaning |")[1].split("\n\n")[0].splitlines()[2:]
    documented = {re.findall(r"`([^`]+)`", row)[0] for row in rows}
    member = Member(client="a", name="a", index=0, connection=b"a", last_seen=0.0)
    states = [member.state(0.0)]
    member.progress(0.0, 1, 0, [])
    states.append(member.state(0.0))
    member.last_seen = 100.0
    states += [member.state(100.0), member.state(110.0)]
    assert {re.sub(r"\d+", "…", state) for state in states} == documented
