"""Evaluations of environments without end, and of environments that fail too often, end with one line."""

import json

import pytest

from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.failures import GivenUpError
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy import episodes
from a3c64.policy.episodes import bounded, play


def given(env_id="Counting-v0", length=0, **settings):
    arguments = json.dumps({"length": length})
    return Hyperparameters(env_id=f"counting_env:{env_id}", env_args=arguments, envs_per_worker=2, **settings)


def test_an_evaluation_of_an_environment_without_end_ends(monkeypatch, caplog):
    monkeypatch.setattr(episodes, "MAX_STEPS", 50)
    told = []
    finished = play(given(), None, episodes=10, tell=told.append)
    assert (
        [(one.length, one.total_reward) for one in finished]
        == [(50, 50 * 51 / 2)] * 2
        == [tuple(one[1::-1]) for one in told]
    )
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "counting_env:Counting-v0: 2 of 2 episodes had not ended after 50 actions and were cut; "
        "--max-episode-steps sets another limit"
    )


@pytest.mark.parametrize(
    ("env_id", "settings", "length"),
    [
        ("Counting-v0", {"length": 40}, 40),
        ("CountingLimited-v0", {}, 10),
        ("Counting-v0", {"max_episode_steps": 60}, 60),
    ],
)
def test_other_episodes_have_their_own_length(monkeypatch, caplog, env_id, settings, length):
    monkeypatch.setattr(episodes, "MAX_STEPS", 50)
    assert [one.length for one in play(given(env_id, **settings), None, episodes=4)] == [length] * 4
    assert not caplog.records


@pytest.mark.parametrize(
    ("env_id", "settings", "limit"),
    [
        ("CartPole-v1", {}, 0),
        ("CartPole-v1", {"max_episode_steps": 10**6}, 10**6),
        ("counting_env:Counting-v0", {}, episodes.MAX_STEPS),
        ("counting_env:Counting-v0", {"env_args": '{"max_episode_steps": 7}'}, 0),
        ("counting_env:CountingFar-v0", {}, episodes.MAX_STEPS),
        ("counting_env:CountingFar-v0", {"frameskip": 4}, 0),
        ("n64gym/Rom-v0", {}, episodes.MAX_STEPS),
    ],
)
def test_only_episodes_without_a_limit_are_bounded(env_id, settings, limit):
    assert bounded(Hyperparameters(env_id=env_id, **settings)).max_episode_steps == limit


def test_training_has_no_bound():
    batch = EnvironmentBatch.make(given(), worker=0)
    assert all("TimeLimit" not in str(env) for env in batch.environments)
    batch.close()


def test_eval_refuses_an_environment_that_fails_too_often_in_one_line(stack):
    settings = {"env_id": "strange_env:Strange-v0", "env_args": '{"fault": "late RuntimeError"}'}
    done = stack.run("a3c64", "eval", "--random", timeout_s=120, **settings)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("a3c64 eval: --env-id (A3C64_ENV_ID): Strange-v0: step raised RuntimeError: no licence")
    assert "in 20 episodes in a row" in last


def test_an_environment_whose_episodes_are_always_cut_is_given_up():
    hyperparameters = Hyperparameters(env_id="counting_env:Counting-v0", env_args='{"nan_at": 15}', envs_per_worker=2)
    with pytest.raises(GivenUpError, match=r"episodes of counting_env:Counting-v0 were cut and 0 were completed"):
        play(hyperparameters, None, episodes=2)
