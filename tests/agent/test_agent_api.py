"""The Python interface: load, act, evaluate, train."""

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from live import until
from onnx_policies import exported, played, random_policy

import a3c64
from a3c64.envs.making import make_one
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy import policy_file

SETTINGS = {
    "memory": {"env_id": "CartPole-v1", "frame_stack": 3, "lstm_size": 8},
    "scaled": {"env_id": "CartPole-v1", "frame_stack": 1, "normalise_observations": True},
    "continuous": {"env_id": "Pendulum-v1", "frame_stack": 2},
    "picture": {"env_id": "tiny_env:TinyImage-v0", "frame_stack": 2, "lstm_size": 8},
}


def saved(kind, folder):
    settings = Hyperparameters(**SETTINGS[kind])
    with make_one(settings) as env:
        return policy_file.save(folder / f"{kind}.safetensors", random_policy(settings, env))


@pytest.mark.parametrize("kind", SETTINGS)
def test_act_plays_the_same_episode_as_an_evaluation(kind, tmp_path):
    policy = a3c64.load(saved(kind, tmp_path), env_id=SETTINGS[kind]["env_id"])
    env = policy.make()
    total = played(policy, env, seed=3)
    found = a3c64.evaluate(policy, env, episodes=1, seed=3)
    assert found["mean_return"] == pytest.approx(total)
    assert (found["n"], found["env_id"], found["policy"]) == (1, SETTINGS[kind]["env_id"], "step 7")
    env.reset()  # it is still open
    env.close()


def test_act_changes_no_state_and_draws_with_a_generator(tmp_path):
    policy = a3c64.load(saved("memory", tmp_path))
    assert policy.score == {"mean_reward": 1.5, "episodes": 20}
    seen = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    _, first = policy.act(seen[0])
    before = first.observations.vector.copy()
    one, then = policy.act(seen[1], first)
    two, again = policy.act(seen[1], first)
    np.testing.assert_array_equal(first.observations.vector, before)
    np.testing.assert_array_equal(then.memory.cell, again.memory.cell)
    assert one == two
    assert not np.array_equal(then.memory.cell, first.memory.cell)
    generator = np.random.default_rng(2)
    assert len({int(policy.act(seen[2], generator=generator)[0]) for _ in range(200)}) == 2


def test_act_takes_only_actions_that_a_mask_allows(tmp_path):
    settings = Hyperparameters(env_id="Taxi-v4", frame_stack=1)
    with make_one(settings) as env:
        policy = a3c64.load(policy_file.save(tmp_path / "taxi.safetensors", random_policy(settings, env)), env)
        observation, info = env.reset(seed=4)
        generator, state, forbidden = np.random.default_rng(1), None, 0
        for _ in range(100):
            action, state = policy.act(observation, state, generator, info)
            assert info["action_mask"][action] == 1
            free, _ = policy.act(observation, state, generator)
            forbidden += info["action_mask"][free] == 0
            observation, _, _, _, info = env.step(action)
        assert forbidden, "without the mask, it takes forbidden actions, too"
        with pytest.raises(a3c64.BadInputError, match="action_mask"):
            policy.act(observation, state, info={"action_mask": np.zeros(6, np.int8)})


def test_evaluate_makes_environments_like_those_of_the_training(tmp_path):
    policy = a3c64.load(saved("scaled", tmp_path))
    assert a3c64.evaluate(policy, episodes=5)["n"] >= 5
    with pytest.raises(ValueError, match="episodes must be 1 or more, found 0"):
        a3c64.evaluate(policy, episodes=0)


def test_a_policy_saves_itself_by_the_ending_of_the_name(tmp_path):
    path = saved("memory", tmp_path)
    policy = a3c64.load(path)
    policy.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    policy.save(str(tmp_path / "again.onnx"))
    assert b'"env_id": "CartPole-v1"' in (tmp_path / "again.onnx").read_bytes()
    for name, said in (("x.pt", "expected a name that ends in .safetensors or .onnx"), (".", "expected a name")):
        with pytest.raises(a3c64.BadInputError, match=said):
            policy.save(tmp_path / name)
    with pytest.raises(a3c64.BadInputError, match="cannot be written"):
        policy.save(path / "x.onnx")


def test_a_file_imports_only_what_the_user_names(tmp_path):
    path = saved("picture", tmp_path)
    with pytest.raises(a3c64.BadInputError, match="would import tiny_env"):
        a3c64.load(path)
    with gym.make("tiny_env:TinyImage-v0") as env:
        policy = a3c64.load(path, env)
        assert 0 <= a3c64.evaluate(policy, env, episodes=2)["mean_return"] <= 20
        for use in (policy.make, lambda: a3c64.evaluate(policy)):
            with pytest.raises(a3c64.BadInputError, match="would import a module that a file names"):
                use()


def test_what_cannot_be_used_is_refused_in_one_line(tmp_path):
    path = saved("memory", tmp_path)
    onnx, _ = exported("vector", tmp_path)
    for place, said in (
        (tmp_path / "nowhere.safetensors", "cannot be read: No such file"),
        (tmp_path, "no checkpoint in"),
        (onnx, "is for other programs"),
    ):
        with pytest.raises(a3c64.BadInputError, match=said):
            a3c64.load(place)
    with gym.make("Acrobot-v1") as env, pytest.raises(a3c64.BadInputError, match="do not fit"):
        a3c64.load(path, env)
    policy = a3c64.load(path)
    for wrong in (np.full(4, np.nan, np.float32), np.zeros(3, np.float32), "text"):
        with pytest.raises(ValueError, match="must be finite numbers"):
            policy.act(wrong)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        a3c64.lode  # noqa: B018


def test_importing_a3c64_loads_nothing_heavy_and_acting_no_tensorflow(tmp_path):
    path = saved("memory", tmp_path)
    script = """
import sys, numpy
before = set(sys.modules)
import a3c64
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
policy = a3c64.load(sys.argv[1])
policy.act(numpy.zeros(4, "f"))
print("tensorflow" in sys.modules, "zmq" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "a3c64\nFalse False\n"


def test_train_returns_a_handle_to_follow_and_to_stop(tmp_path):
    settings = {"workers": 1, "eval_interval": 0, "status_interval": 0.5, "envs_per_worker": 2}
    with a3c64.train(env_id="CartPole-v1", run_dir=tmp_path / "run", **settings) as training:

        def learned():
            status = training.status()
            return status if status is not None and status.steps > 0 else None

        status = until(learned, 120, "steps")
        assert training.running
        assert not training.wait(0.1)
        assert status.env_id == "CartPole-v1"
    assert not training.running
    assert training.status() is None
    assert "CartPole-v1: 1 workers" in training.log
    policy = training.newest()
    assert policy.step >= status.steps
    assert a3c64.evaluate(policy, episodes=2)["n"] >= 2
    training.stop()  # once more does nothing


def test_train_refuses_bad_settings_like_the_command(tmp_path):
    with pytest.raises(a3c64.BadInputError, match="there is no setting 'learning_rat', did you mean learning_rate"):
        a3c64.train(env_id="CartPole-v1", run_dir=tmp_path / "run", learning_rat=1)
    with pytest.raises(a3c64.BadInputError, match="a3c64 train: --learning-rate: found '-1', expected a number above"):
        a3c64.train(env_id="CartPole-v1", run_dir=tmp_path / "run", learning_rate=-1)
    assert not (tmp_path / "run").exists()
