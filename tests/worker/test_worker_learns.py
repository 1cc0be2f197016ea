"""The whole training loop learns: in one process without sockets, and as real processes over real sockets."""

import json
import threading

import numpy as np
import pytest
from layout_env import LAYOUTS

from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.checkpoint import first
from a3c64.wire.client import Client
from a3c64.wire.report import ServerReport
from a3c64.wire.transport import LocalTransport
from a3c64.worker.loop import MEASURED, train

TINY = Hyperparameters(
    env_id="tiny_env:TinyImage-v0",
    envs_per_worker=8,
    t_max=5,
    lstm_size=32,
    frame_stack=1,
    learning_rate=1e-3,
    discount=0.5,
)


def run_in_process(hyperparameters: Hyperparameters, steps: int) -> Service:
    hyperparameters = hyperparameters.model_copy(update={"total_timesteps": steps})
    service = Service(SharedWeights(hyperparameters, None), "test", ServerReport())
    client = Client(LocalTransport(service.handle), "a", "a", threading.Event())
    assert client.hello() == hyperparameters
    environments = EnvironmentBatch.make(hyperparameters, client.index)
    train(environments, client, hyperparameters, threading.Event(), lambda _: None)
    environments.close()
    return service


def test_one_process_learns_from_pixels():
    """A random policy gets a return of 10, one that uses the picture 20."""
    service = run_in_process(TINY, 10_000)
    means = service.metrics.rollout()
    assert means["rollout/ep_rew_mean"] > 18.0, means
    assert means["env/progress"] > 0.9
    assert means["rollout/ep_len_mean"] == 20.0
    assert service.weights.step == 10_000
    assert service.weights.version == 10_000 // 40
    scalars = service.scalars()
    assert {f"train/{n}" for n in ("policy_loss", "value_loss", "entropy", "grad_norm", "staleness")} <= set(scalars)
    assert {f"time/{n}" for n in ("act", "step", "differentiate", "exchange", "load")} <= set(scalars)


def test_three_gradients_from_each_rollout_learn_from_fewer_steps():
    once, thrice = (
        run_in_process(TINY.model_copy(update={"epochs": epochs}), 3_000).metrics.rollout()["rollout/ep_rew_mean"]
        for epochs in (1, 3)
    )
    assert thrice > once + 1.0  # 19.6 and 18.0; seed 1: 19.5 and 17.7


@pytest.mark.parametrize("version", [0, 7])
def test_a_worker_that_joins_a_run_that_has_learned_measures_returns_first(version):
    """Rewards are divided by the deviation of the returns so far, which is far too small after a few steps."""
    hyperparameters = TINY.model_copy(update={"total_timesteps": TINY.t_max * TINY.envs_per_worker})
    environments = EnvironmentBatch.make(hyperparameters, 0)
    network = design(environments.view.shape, environments.family, hyperparameters)
    snapshot = first(network.specs, 0, hyperparameters.model_dump())._replace(version=version)
    service = Service(SharedWeights(hyperparameters, snapshot), "test", ServerReport())
    client = Client(LocalTransport(service.handle), "a", "a", threading.Event())
    client.hello()
    steps = []
    train(environments, client, hyperparameters, threading.Event(), steps.append)
    environments.close()
    assert len(steps) == TINY.t_max + (MEASURED if version else 0)
    assert service.weights.version == version + 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_picture_is_learned_in_any_layout(layout):
    """A random policy gets a return of 10, one that uses the picture 20."""
    hyperparameters = TINY.model_copy(
        update={"env_id": "layout_env:Layout-v0", "env_args": json.dumps({"layout": layout}), "lstm_size": 0}
    )
    means = run_in_process(hyperparameters, 4_000).metrics.rollout()
    assert means["rollout/ep_rew_mean"] > 18.0, means


def test_the_same_seed_gives_the_same_weights():
    one, other = (run_in_process(TINY, 200).weights.vector for _ in range(2))
    np.testing.assert_array_equal(one, other)
    different = run_in_process(TINY.model_copy(update={"seed": 1}), 200).weights.vector
    assert (different != one).any()


def test_two_worker_processes_learn_together_until_the_run_ends(stack):
    settings = {"total_timesteps": 8_000, "learning_rate": 1e-3, "eval_interval": 0}
    server = stack.start("a3c64.paramserver", **settings)
    workers = [stack.start("a3c64.worker", seed=9) for _ in range(2)]  # no effect: settings come from the server
    report = stack.wait_for(lambda r: len(r.workers) == 2 and all(w.steps for w in r.workers), 60, "both push")
    assert {w.index for w in report.workers} == {0, 1}
    half = stack.wait_for(lambda r: r.steps > 3_000, 90, "progress")
    assert half.updates > 100
    assert [worker.wait(90) for worker in workers] == [0, 0]
    assert server.wait(60) == 0
    assert (stack.run_dir / "checkpoints" / "latest").exists()
    evaluation = stack.run("a3c64", "eval", "--episodes", "8", "--greedy")
    assert evaluation.returncode == 0, evaluation.stderr
    result = json.loads(evaluation.stdout)
    assert result["n"] == 8
    assert result["mean_return"] > 15.0, result
    chance = json.loads(stack.run("a3c64", "eval", "--episodes", "16", "--random").stdout)
    assert 6.0 < chance["mean_return"] < 14.0
    assert chance["figures"]["progress"] < 0.7
