"""With `epochs`, a worker computes several gradients from each rollout. Its steps, episodes and moments count once."""

import threading
from typing import NamedTuple

import numpy as np
import pytest

from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.learner import Learner
from a3c64.learning.parameters import learned_size
from a3c64.learning.scaling import moments_of, unpacked
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire.client import Client
from a3c64.wire.report import ServerReport
from a3c64.wire.transport import LocalTransport
from a3c64.worker import loop
from a3c64.worker.watchdog import Signs

STEPS = 40  # of a rollout
POLE = {"env_id": "CartPole-v1", "frame_stack": 1, "normalise_observations": True}
IMAGE = {"env_id": "tiny_env:TinyImage-v0", "frame_stack": 1, "lstm_size": 8}


class Push(NamedTuple):
    gradient: np.ndarray
    version: int
    steps: int
    statistics: dict
    episodes: list


class Recorder(Client):
    """A client that records its pushes. It reports each as refused if `refused` is set."""

    refused = False

    def push(self, gradient, signature, version, steps, statistics, episodes):
        self.pushes = [*getattr(self, "pushes", []), Push(gradient.copy(), version, steps, statistics, episodes)]
        update = super().push(gradient, signature, version, steps, statistics, episodes)
        return update._replace(accepted=False) if self.refused else update


class Run:
    """A server and a worker in one process. `gradients` has the inputs of each gradient: weights, then arrays."""

    def __init__(self, monkeypatch, rollouts, refused=False, worker=0, **settings):
        self.hyperparameters = Hyperparameters(
            **{"envs_per_worker": 8, "t_max": 5, "total_timesteps": rollouts * STEPS} | settings
        )
        self.gradients, self.moments, self.signs = [], [], Signs()
        self.service = Service(SharedWeights(self.hyperparameters, None), "test", ServerReport())
        self.client = Recorder(LocalTransport(self.service.handle), "a", "a", threading.Event(), index=worker)
        self.client.refused = refused
        self.client.hello()
        environments = EnvironmentBatch.make(self.hyperparameters, self.client.index)
        run = self

        class Recorded(Learner):
            def gradient(self, observations, *arrays):
                *arrays, memory = arrays
                given = [self.flat(), *(np.copy(one) for one in (*observations, *arrays, *memory))]
                run.gradients.append((given, super().gradient(observations, *arrays, memory)))
                return run.gradients[-1][1]

        monkeypatch.setattr(loop, "Learner", Recorded)
        never = threading.Event()
        loop.train(environments, self.client, self.hyperparameters, never, self.moments.append, self.signs)
        environments.close()
        self.pushes = self.client.pushes


@pytest.mark.parametrize("settings", [POLE, IMAGE], ids=["pole", "image"])
def test_each_gradient_is_of_the_same_rollout_at_the_newest_weights(monkeypatch, settings):
    run = Run(monkeypatch, rollouts=2, epochs=3, **settings)
    weights = SharedWeights(run.hyperparameters, None)
    weights.begin(run.client._specs)
    assert [push.version for push in run.pushes] == [0, 1, 2, 3]
    for (given, gradient), push in zip(run.gradients[:3], run.pushes[:3], strict=True):
        np.testing.assert_array_equal(given[0], weights.vector)
        for array, first in zip(given[1:], run.gradients[0][0][1:], strict=True):
            np.testing.assert_array_equal(array, first)
        np.testing.assert_array_equal(push.gradient[: len(gradient.vector)], gradient.vector)
        weights.apply(push.gradient, push.steps)
    # The policy may go on after the first gradient: the second differs from it.
    assert np.abs(run.gradients[1][1].vector - run.gradients[0][1].vector).max() > 1e-4
    np.testing.assert_array_equal(run.gradients[3][0][0], weights.vector)


def test_steps_episodes_and_moments_count_once(monkeypatch):
    run = Run(monkeypatch, rollouts=4, epochs=3, **POLE)
    # The run ends with the first push of its last rollout.
    assert [push.steps for push in run.pushes] == [STEPS, 0, 0] * 3 + [STEPS]
    assert (run.service.weights.step, run.service.weights.version) == (4 * STEPS, 10)
    assert run.service.roster.members()[0].steps == 4 * STEPS
    further = [push for push in run.pushes if not push.steps]
    assert not any(push.episodes for push in further)
    assert run.service.metrics.episodes == sum(len(push.episodes) for push in run.pushes) > 3
    for push in run.pushes:
        assert ("time_act" in push.statistics) == bool(push.steps)
        assert "entropy" in push.statistics
    assert ["kl" in push.statistics for push in run.pushes] == [False, False, False] + [True, False, False] * 2 + [True]
    assert {moment.staleness for moment in run.moments} == {0}, "a worker's own updates are not those of others"
    assert run.signs.gradients == 3, "of rollouts before the last"
    seen = np.concatenate([run.gradients[first][0][2] for first in (0, 3, 6, 9)])
    counted = unpacked(run.service.weights.vector[learned_size(run.client._specs) :])
    assert counted.size == 4 * STEPS
    np.testing.assert_allclose(counted.mean, moments_of(seen).mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(counted.variance, moments_of(seen).variance, rtol=1e-4)


def test_a_later_worker_computes_more_gradients_from_its_smaller_rollouts(monkeypatch):
    run = Run(monkeypatch, rollouts=2, worker=5, t_max=20, **POLE)  # two environments instead of eight
    assert [push.steps for push in run.pushes] == [40, 0, 0, 0, 40]


def test_a_worker_of_many_has_shorter_rollouts(monkeypatch):
    run = Run(monkeypatch, rollouts=1, worker=31, t_max=20, **POLE)  # half an environment of eight: 10 steps of one
    assert [push.steps for push in run.pushes] == [10, 0, 0, 0] * 3 + [10]
    assert [len(given[2]) for given, _ in run.gradients] == [10] * len(run.pushes)


def test_a_rollout_is_not_used_again_after_its_gradient_was_refused(monkeypatch):
    run = Run(monkeypatch, rollouts=3, refused=True, epochs=3, **POLE)
    assert [push.steps for push in run.pushes] == [STEPS] * 3


def test_the_same_seed_gives_the_same_weights(monkeypatch):
    one, other, once = (
        Run(monkeypatch, rollouts=5, **POLE, epochs=epochs).service.weights.vector for epochs in (2, 2, 1)
    )
    np.testing.assert_array_equal(one, other)
    assert (once != one).any()
