"""n64gym works with Gymnasium's wrappers and vector environments, with Stable-Baselines3 and with RLlib."""

import json
import os
import pickle
import subprocess
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics, TimeLimit

import n64gym  # noqa: F401 - registers the ids

ROOT = Path(__file__).parents[2]
ID = "n64gym/OpenKart-v0"
STRAIGHT = 1
GREY = {"obs_type": "grayscale", "size": (84, 84)}


def run_to_the_end(env):
    """Play one episode; return its observations and rewards, and the rest of what its last step returned."""
    observation, _ = env.reset(seed=1)
    observations, rewards, over = [observation], [], False
    while not over:
        observation, reward, terminated, truncated, info = env.step(STRAIGHT)
        observations.append(observation)
        rewards.append(reward)
        over = terminated or truncated
    return np.array(observations), rewards, terminated, truncated, info


def test_record_episode_statistics_counts_steps_and_keeps_metrics():
    with RecordEpisodeStatistics(gymnasium.make(ID, time_limit=2.0, **GREY)) as env:
        _, rewards, _, _, info = run_to_the_end(env)
    assert info["episode"]["l"] == len(rewards) == 30  # 2 s of 15 steps each
    assert info["episode"]["r"] == pytest.approx(sum(rewards), rel=1e-5)
    assert info["metrics"]["progress"] > 0  # the wrapper keeps the environment's own metrics


def test_the_time_limit_wrapper_truncates():
    with TimeLimit(gymnasium.make(ID, **GREY), 7) as env:
        _, rewards, terminated, truncated, info = run_to_the_end(env)
    assert (len(rewards), terminated, truncated) == (7, False, True)
    assert "metrics" not in info  # the wrapper's limit ended the episode; the race has not ended


def test_stacked_frames_are_not_overwritten():
    with FrameStackObservation(gymnasium.make(ID, time_limit=1.0, **GREY), 4) as env:
        assert env.observation_space.shape == (4, 84, 84)
        stacks, *_ = run_to_the_end(env)
    assert (stacks[1:, :3] == stacks[:-1, 1:]).all()  # each step moves a frame by one place, unchanged
    assert (stacks[8, 0] != stacks[8, 3]).any()


@pytest.mark.parametrize("mode", ["sync", "async", "vector_entry_point"])
def test_environments_in_a_vector_behave_as_one_alone(mode):
    """In each vector mode two environments return what a single one returns, and reset automatically."""
    with gymnasium.make(ID, time_limit=1.0, **GREY) as env:
        alone, rewards, *_ = run_to_the_end(env)
    envs = gymnasium.make_vec(ID, 2, vectorization_mode=mode, time_limit=1.0, **GREY)
    try:
        observations, _ = envs.reset(seed=1)
        assert (observations == alone[0]).all()
        for observation, reward in zip(alone[1:], rewards, strict=True):
            observations, together, _, truncated, _ = envs.step(np.full(2, STRAIGHT))
            assert (observations == observation).all()
            assert together == pytest.approx([reward, reward])
        assert truncated.all()
        observations, *_ = envs.step(np.full(2, STRAIGHT))
        assert (observations == alone[0]).all()
    finally:
        envs.close()


def plain(value):
    """Return arrays of objects, such as infos["final_obs"], as lists, so that they can be compared."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) and value.dtype == object else value


@pytest.mark.parametrize("given", ["NextStep", AutoresetMode.SAME_STEP, "Disabled"])
def test_autoreset_modes_are_gymnasiums(given):
    """In each mode, n64gym's vector environment returns what Gymnasium's does."""
    mode, settings = AutoresetMode(given), {"time_limit": 0.4, "noop_max": 9, **GREY}
    ours = gymnasium.make_vec(ID, 2, vectorization_mode="vector_entry_point", autoreset_mode=given, **settings)
    theirs = gymnasium.make_vec(ID, 2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **settings)
    try:
        assert ours.metadata["autoreset_mode"] == mode
        assert pickle.loads(pickle.dumps(ours.spec)) == ours.spec
        np.testing.assert_equal(ours.reset(seed=1), theirs.reset(seed=1))
        ends = 0
        for _ in range(15):
            mine, other = ours.step([STRAIGHT, 0]), theirs.step([STRAIGHT, 0])
            np.testing.assert_equal(plain(mine), plain(other))
            over = mine[2] | mine[3]
            ends += over.any()
            if over.any() and mode == AutoresetMode.DISABLED:
                for envs in (ours, theirs):
                    with pytest.raises(AssertionError):
                        envs.step([STRAIGHT, 0])
                    envs.reset(options={"reset_mask": over.copy()})
            assert ("final_obs" in mine[4]) == (mode == AutoresetMode.SAME_STEP and over.any())
        assert ends >= 2
    finally:
        ours.close()
        theirs.close()


STABLE_BASELINES = """
import json, warnings
warnings.simplefilter("error", UserWarning)  # what check_env says short of refusing
import gymnasium, n64gym, torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import NoopResetEnv
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env

torch.set_num_threads(1)
ID = "n64gym/OpenKart-v0"
grey = {"obs_type": "grayscale", "size": (84, 84), "keep_dim": True}
stick = {"size": (84, 84), "actions": "multidiscrete"}
for settings in ({}, {"size": (84, 84)}, {"size": (84, 84), "telemetry": True}, grey, stick):
    with gymnasium.make(ID, render_mode="rgb_array", **settings) as env:
        check_env(env)
stacked = {"obs_type": "grayscale", "size": (84, 84), "time_limit": 2.0}
envs = make_vec_env(ID, 2, env_kwargs=stacked, wrapper_class=FrameStackObservation, wrapper_kwargs={"stack_size": 4})
check_env(FrameStackObservation(gymnasium.make(ID, **stacked), 4))
with NoopResetEnv(gymnasium.make(ID, **grey), noop_max=5) as env:
    env.reset(seed=1)
sticks = make_vec_env(ID, 2, env_kwargs=grey | {"actions": "multidiscrete", "time_limit": 2.0})
for env in (envs, sticks, ID):  # SB3 makes one itself, in colour and with all defaults
    model = PPO("CnnPolicy", env, n_steps=64, batch_size=64, n_epochs=1, seed=1)
    before = [weights.detach().clone() for weights in model.policy.parameters()]
    model.learn(256)
    after = list(model.policy.parameters())
    trained = all(bool((a != b).any() and b.isfinite().all()) for a, b in zip(before, after))
    print(json.dumps([model.num_timesteps, len(model.ep_info_buffer), trained]))
    model.get_env().close()
"""


@pytest.mark.timeout(600)
def test_stable_baselines3_checks_and_trains():
    """check_env gives no warning. PPO runs without changes, on stacks of grey frames and on an environment given by its
    id."""
    if not (ROOT / ".venv-bench" / "sb3").exists():
        message = "Stable-Baselines3 is not installed: make .venv-bench/sb3"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    done = subprocess.run(
        [ROOT / ".venv-bench" / "bin" / "python", "-c", STABLE_BASELINES],
        env={**os.environ, "PYTHONPATH": str(ROOT / "env-image")},
        capture_output=True,
        text=True,
        timeout=570,
    )
    assert done.returncode == 0, done.stderr
    stacked, sticks, plain = [json.loads(line) for line in done.stdout.splitlines()]
    assert stacked == sticks == [256, 8, True]  # 2 environments with 128 steps each; an episode lasts 2 s
    assert plain[0] == 256
    assert plain[2]


RLLIB = """
import json
import gymnasium, numpy as np, ray
from gymnasium.wrappers import DtypeObservation, RescaleObservation
from ray.rllib.algorithms.ppo import PPOConfig
from ray.tune.registry import register_env

def make(settings):
    import n64gym  # registers the ids in the process of an env runner
    env = gymnasium.make("n64gym/OpenKart-v0", **settings)
    return RescaleObservation(DtypeObservation(env, "float32"), 0.0, 1.0)  # RLlib's networks take float32 only

def weights():
    return algorithm.get_weights()["default_policy"]

ray.init(address="local", num_cpus=3, include_dashboard=False, object_store_memory=100 << 20)
register_env("openkart", make)
grey = {"obs_type": "grayscale", "size": (84, 84), "keep_dim": True, "time_limit": 2.0}
config = (
    PPOConfig()
    .environment("openkart", env_config=grey)
    .env_runners(num_env_runners=2, rollout_fragment_length=64)
    .training(train_batch_size_per_learner=128, minibatch_size=64, num_epochs=1)
    .debugging(seed=1)
)
algorithm = config.build_algo()
before = {name: np.array(one) for name, one in weights().items()}
done = algorithm.train()["env_runners"]
after = weights()
trained = all(np.isfinite(one).all() for one in after.values()) and any((after[n] != before[n]).any() for n in before)
runners = algorithm.env_runner_group.num_healthy_remote_workers()
algorithm.stop()
ray.shutdown()
print(done["num_env_steps_sampled"], done["num_episodes"], done["episode_len_mean"], runners, trained)
"""


@pytest.mark.timeout(900)
def test_rllib_trains():
    """One iteration of PPO with two env runners, and Gymnasium in our version instead of the one that RLlib pins."""
    if not (ROOT / ".venv-bench" / "rllib").exists():
        pytest.skip("RLlib is not installed: make rllib")  # also in CI, where its 700 MB are too much
    done = subprocess.run(
        [ROOT / ".venv-bench" / "bin" / "python", "-c", RLLIB],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "env-image"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # else they starve while other tests run
        },
        capture_output=True,
        text=True,
        timeout=870,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    steps, episodes, length, runners, trained = done.stdout.split()[-5:]
    assert (float(steps), float(episodes), float(length)) == (128, 4, 30)  # an episode has 2 s of 15 steps
    assert (runners, trained) == ("2", "True")
