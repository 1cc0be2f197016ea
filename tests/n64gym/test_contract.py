"""An environment's response to unusual use: invalid actions, use after close, forks, copies."""

import copy
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import psutil
import pytest
from driving import STRAIGHT
from gymnasium.error import ResetNeeded

import n64gym

ID = "n64gym/OpenKart-v0"
IDS = [spec.id for spec in gymnasium.registry.values() if "n64gym" in str(spec.entry_point)]
RIGHT = {
    "discrete": 11,
    "multidiscrete": [160, 0, 1, 0, 1],
    "signed": [80, -80, 1, 0, 1],
    "continuous": [-1.0, 1.0, 0.0, 0.0],
}
WRONG = [
    ("discrete", -1),
    ("discrete", 12),
    ("discrete", 1.5),
    ("discrete", float("nan")),
    ("discrete", None),
    ("discrete", "1"),
    ("discrete", [1, 2]),
    ("multidiscrete", [161, 0, 0, 0, 0]),
    ("multidiscrete", [0, -1, 0, 0, 0]),
    ("signed", [81, 0, 0, 0, 0]),
    ("signed", [0, -81, 0, 0, 0]),
    ("multidiscrete", [0, 0, 2, 0, 0]),
    ("multidiscrete", [0, 0, -1, 0, 0]),
    ("multidiscrete", [0, 0, 0, 0]),
    ("multidiscrete", [0, 0.5, 0, 0, 0]),
    ("multidiscrete", 3),
    ("continuous", [float("nan"), 0.0, 0.0, 0.0]),
    ("continuous", [0.0, 0.0, 0.0]),
]


@pytest.mark.parametrize(("actions", "action"), WRONG)
def test_a_wrong_action_is_refused_and_changes_nothing(actions, action):
    with gymnasium.make(ID, actions=actions, size=(12, 16)) as env:
        env.reset()
        vis = env.unwrapped.emulator.vi_count
        for method in (env.step, env.unwrapped.begin_step):
            with pytest.raises(ValueError, match=r"action is .*; expected"):
                method(action)
        assert env.unwrapped.emulator.vi_count == vis
        assert env.step(RIGHT[actions])[4]["vis"] == 2 + 4


@pytest.mark.parametrize("kind", [int, float, np.int64, np.int32, np.uint8, np.float32, np.array])
def test_an_action_may_be_any_kind_of_whole_number(kind):
    with gymnasium.make(ID, size=(12, 16)) as env:
        env.reset()
        env.step(kind(11))
        assert env.unwrapped.emulator.samples()[-1] & 0x80


def test_wrong_whole_controller_actions_are_refused(rom):
    with gymnasium.make("n64gym/Rom-v0", rom=rom("pad")) as env:
        env.reset()
        for action in ([0] * 15, [0] * 17, [161] + [0] * 15, [0] * 15 + [2]):
            with pytest.raises(ValueError, match="expected 16 whole numbers: 0 to 160, 0 to 160, 0 to 1"):
                env.step(action)


def test_step_before_reset_and_after_close_is_refused():
    env = gymnasium.make(ID).unwrapped
    with pytest.raises(ResetNeeded, match="an episode begins with reset: call it before step"):
        env.step(STRAIGHT)
    first, _ = env.reset(seed=1)
    env.close()
    env.close()
    with pytest.raises(ResetNeeded, match="the environment is closed: make another, or call reset"):
        env.step(STRAIGHT)
    assert (env.reset(seed=1)[0] == first).all()
    env.close()


@pytest.mark.parametrize("env_id", IDS)
def test_every_spec_is_json_and_pickles(env_id):
    spec = gymnasium.spec(env_id)
    assert gymnasium.envs.registration.EnvSpec.from_json(spec.to_json()) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_the_specs_of_wrapped_environments_and_of_vectors_pickle():
    with gymnasium.wrappers.FrameStackObservation(gymnasium.make(ID, laps=2), 4) as env:
        env.reset()
        assert pickle.loads(pickle.dumps(env.spec)) == env.spec
    for mode in ("sync", "vector_entry_point"):
        envs = gymnasium.make_vec(ID, 2, vectorization_mode=mode, laps=2)
        assert pickle.loads(pickle.dumps(envs.spec)) == envs.spec
        envs.close()


def test_a_spec_makes_the_same_environment_again():
    with gymnasium.make(ID, course=["desert"], laps=2, reward={"progress": 1.0}) as env:
        text = env.spec.to_json()
        json.loads(text)
        first, _ = env.reset(seed=1)
    with gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(text)) as again:
        assert (again.reset(seed=1)[0] == first).all()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize(
    "settings", [{}, {"actions": "continuous", "telemetry": True, "reward": "legacy", "laps": [1, 2]}]
)
def test_an_environment_that_has_not_been_reset_can_be_copied(copied, settings):
    with gymnasium.make(ID, **settings) as env, copied(env) as other:
        assert other.spec == env.spec
        for one in (env, other):
            one.action_space.seed(3)
        np.testing.assert_equal(env.reset(seed=5), other.reset(seed=5))
        for _ in range(5):
            action = env.action_space.sample()
            np.testing.assert_equal(env.step(action), other.step(action))
        assert env.unwrapped.emulator.pid != other.unwrapped.emulator.pid
        with pytest.raises(TypeError, match="a running emulator cannot be copied"):
            copied(env)


def test_make_starts_no_emulator():
    before = len(psutil.Process().children())
    env = gymnasium.make(ID)
    assert env.unwrapped.emulator is None
    assert len(psutil.Process().children()) == before
    env.close()


def in_a_fork(work):
    """Run `work` in a forked process; return the process's exit code."""
    process = os.fork()
    if not process:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_fork_that_closes_its_copy_leaves_the_parents_running():
    with gymnasium.make(ID) as env, gymnasium.make(ID) as other:
        env.reset(seed=1)
        other.reset(seed=1)
        folder = Path(env.unwrapped.emulator._process._workspace.path)

        assert in_a_fork(env.close) == 0
        assert folder.exists()
        for _ in range(5):
            np.testing.assert_equal(env.step(STRAIGHT), other.step(STRAIGHT))


FORK = """
import os, sys, gymnasium, n64gym
env = gymnasium.make("n64gym/OpenKart-v0")
env.reset(seed=1)
folder = str(env.unwrapped.emulator._process._workspace.path)
if not os.fork():
    if sys.argv[1] == "drop":
        del env
    sys.exit()  # with all that Python does at its end
os.wait()
assert os.path.isdir(folder)
print(env.step(1)[4]["vis"], env.unwrapped.emulator_restarts)
env.close()
assert not os.path.isdir(folder)
"""


@pytest.mark.parametrize("how", ["exit", "drop"])
def test_a_fork_that_ends_leaves_the_parents_running(how):
    done = subprocess.run([sys.executable, "-c", FORK, how], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("6 0\n", 0), done.stderr


def play_in_child(env, connection):
    """In a fork, step the environment (this ends the episode), reset it and step again. Send the results."""
    outcome = env.step(STRAIGHT)
    first, _ = env.reset(seed=1)
    second = env.step(STRAIGHT)[0]
    connection.send((outcome[3], outcome[4]["emulator_error"], env.unwrapped.emulator.pid, first, second))
    env.close()


def test_a_fork_can_start_its_own_emulator():
    with gymnasium.make(ID, size=(60, 80)) as env:
        first, _ = env.reset(seed=1)
        ours, theirs = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=play_in_child, args=(env, theirs))
        child.start()
        truncated, error, pid, its_first, its_second = ours.recv()
        child.join(10)
        assert truncated
        assert f"was started by process {os.getpid()}" in error
        assert pid != env.unwrapped.emulator.pid
        assert not psutil.pid_exists(pid)
        assert (its_first == first).all()
        assert (env.step(STRAIGHT)[0] == its_second).all()
        assert env.unwrapped.emulator_restarts == 0


def test_all_public_names_exist():
    assert all(hasattr(n64gym, name) for name in n64gym.__all__)
