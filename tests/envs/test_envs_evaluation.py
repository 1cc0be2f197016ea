"""Evaluations of environments without end, and of environments that fail too often, end with one line."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from a3c64.cli.policies import _greedy, _to_play
from a3c64.config import Settings
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.failures import GivenUpError
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import total_size
from a3c64.policy import episodes
from a3c64.policy.episodes import bounded, play
from a3c64.wire.evaluator_client import DoneError
from a3c64.worker.evaluator import examine


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


class Server:
    """Stands in for the evaluator's client: a finished run with weights 0, so that all actions are equally probable."""

    def __init__(self, hyperparameters):
        batch = EnvironmentBatch.make(hyperparameters, worker=0)
        batch.close()
        weights = np.zeros(total_size(design(batch.view.shape, batch.family, hyperparameters).specs), np.float32)
        self._updates = [SimpleNamespace(version=1, step=10, weights=weights, finished=True)]
        self.returns = []

    def pull(self):
        if not self._updates:
            raise DoneError
        return self._updates.pop()

    def score(self, update, episodes):
        self.returns = [one.total_reward for one in episodes]
        return True


@pytest.mark.parametrize("policy", ["greedy", "drawn"])
def test_the_evaluator_takes_greedy_or_drawn_actions(policy):
    """Action 1 gives a reward of 1, and an episode has 20 steps. Of equal actions, the greedy one is 0."""
    hyperparameters = Hyperparameters(env_id="strange_env:Strange-v0", eval_policy=policy, eval_episodes=8)
    server, over = Server(hyperparameters), threading.Event()
    over.set()
    with pytest.raises(DoneError):
        examine(server, hyperparameters, "", threading.Event(), over)
    assert len(server.returns) == 8
    if policy == "greedy":
        assert set(server.returns) == {0.0}
    else:
        assert len(set(server.returns)) > 1
        assert all(0.0 < one < 20.0 for one in server.returns)


def test_eval_and_enjoy_do_as_the_runs_evaluations_unless_a_flag_is_given():
    greedy, drawn = (Hyperparameters(eval_policy=policy) for policy in ("greedy", "drawn"))
    for flags, expected in (({}, [True, False]), ({"greedy": True}, [True, True]), ({"sample": True}, [False, False])):
        parsed = {"greedy": False, "sample": False} | flags
        assert [_greedy(parsed, one) for one in (greedy, drawn)] == expected


def test_eval_and_enjoy_take_other_steps_than_the_run_if_flags_say_so():
    policy = SimpleNamespace(hyperparameters=Hyperparameters(env_id="CartPole-v1", frameskip=3, sticky_actions=0.5))
    settings = Settings(frameskip=2, max_episode_steps=70, seed=4)
    parsed = {"policy": None, "max_episode_steps": "70"}
    found = _to_play(settings, parsed, policy)
    assert (found.frameskip, found.sticky_actions, found.max_episode_steps, found.seed) == (3, 0.5, 70, 4)
    found = _to_play(settings, parsed | {"frameskip": "2"}, policy)
    assert found.frameskip == 2
