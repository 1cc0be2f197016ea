"""The server's answers to the worker's own client, in one process with the real encoding."""

import numpy as np
import pytest
from in_process import ONES, ROLLOUT, SIGNATURE, SPECS, connection, make_client, make_service, push, refusal

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec, initialise
from a3c64.paramserver.service import SECTIONS
from a3c64.wire import messages as wire
from a3c64.wire.client import RunChangedError
from a3c64.wire.report import Staleness
from a3c64.wire.transport import LocalTransport


def test_hello_join_and_push_are_answered():
    service = make_service(seed=4, learning_rate=0.1)
    client = make_client(service)
    assert client.hello() == Hyperparameters(seed=4, learning_rate=0.1, **ROLLOUT)
    first = client.join(SPECS)
    np.testing.assert_array_equal(first.weights, initialise(SPECS, 4))
    update = push(client, 0, statistics={"entropy": 2.0}, episodes=[Episode(5.0, 20, {"laps": 1.0})])
    assert (update.version, update.step, update.accepted, update.finished) == (1, 20, True, False)
    np.testing.assert_allclose(update.weights, first.weights - 0.1, rtol=1e-3)
    scalars = service.scalars()
    assert scalars["train/entropy"] == 2.0
    assert scalars["rollout/ep_rew_mean"] == 5.0
    assert scalars["env/laps"] == 1.0
    assert scalars["workers/alive"] == 1.0


def test_staleness_is_counted_and_bounded():
    service = make_service(max_staleness=2)
    one, other = make_client(service, "a"), make_client(service, "b")
    for client in (one, other):
        client.hello()
        client.join(SPECS)
    for version in range(3):
        assert push(one, version).accepted
    late = push(other, 0)
    assert not late.accepted, "a gradient three updates old must be refused"
    assert late.version == 3
    assert service.metrics.drain_training()["train/staleness"] == pytest.approx(3 / 4)
    assert push(other, late.version - 2).accepted
    assert service.metrics.refused["stale"] == 1
    assert list(service.metrics.staleness) == [0, 0, 0, 3, 2]
    assert service.report().staleness == Staleness(median=0.0, p95=2.8, max=3.0)


def test_the_servers_time_is_charted_by_section():
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    push(client, 0)
    shares = {name: share for name, share in service.scalars().items() if name.startswith("time/server_")}
    assert set(shares) == {f"time/server_{section}" for section in SECTIONS}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["time/server_apply"] > 0


def test_another_model_is_refused():
    service = make_service()
    one, other = make_client(service, "a"), make_client(service, "b")
    one.hello()
    one.join(SPECS)
    push(one, 0)
    other.hello()
    with pytest.raises(BadInputError, match="A3C64_RUN_DIR"):
        other.join([ParameterSpec("w", (4, 2), 1.0)])


def test_a_gradient_of_nan_changes_nothing_and_its_worker_continues():
    service = make_service()
    client = make_client(service)
    client.hello()
    before = client.join(SPECS).weights.copy()
    update = push(client, 0, np.full(8, np.nan, np.float32))
    assert not update.accepted
    np.testing.assert_array_equal(service.weights.vector, before)
    assert service.metrics.refused["not finite"] == 1
    assert push(client, update.version).accepted


def test_a_dropped_worker_says_hello_again_and_keeps_its_index():
    service = make_service()
    one, other = make_client(service, "a"), make_client(service, "b")
    for client in (one, other):
        client.hello()
        client.join(SPECS)
    for client in (one, other):
        service.roster.leave(connection(client))
    assert not push(other, 0).accepted, "the gradient of a dropped worker must not be applied"
    assert other.index == 1
    assert push(other, 0).accepted


def test_a_client_detects_a_server_with_another_run():
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    client._transport = LocalTransport(make_service(discount=0.5).handle)
    with pytest.raises(RunChangedError):
        push(client, 0)
    assert client.start_over().discount == 0.5


def test_the_run_ends_after_its_steps():
    service = make_service(total_timesteps=40)
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    assert not push(client, 0).finished
    assert push(client, 1).finished
    assert client.join(SPECS).finished, "a late join must report the end"


def test_a_worker_that_leaves_is_not_lost():
    service = make_service()
    client = make_client(service)
    client.hello()
    client.close()
    assert len(service.roster) == 0
    assert service.roster.lost == 0


GOOD = wire.Push(SIGNATURE, 0, 20, {}, [])


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (wire.encode(1, GOOD, ONES), "sequence must be greater than 2, found 1"),
        (wire.encode(2, GOOD, ONES), "sequence must be greater than 2, found 2"),
        (wire.encode(3, GOOD, ONES[:7]), "the vector must have 8 numbers, found 7"),
        (wire.encode(3, GOOD._replace(signature="x"), ONES), "found x"),
        (wire.encode(3, GOOD._replace(version=1), ONES), "version must be 0 to 0 (the newest), found 1"),
        (wire.encode(3, GOOD._replace(version=-1), ONES), "(the newest), found -1"),
        (
            wire.encode(3, GOOD._replace(steps=-1), ONES),
            "push.steps must be 5 (t_max) times 1 to 4 (envs_per_worker), found -1",
        ),
        (wire.encode(3, GOOD._replace(steps=10**9), ONES), "found 1000000000"),
        (wire.encode(3, GOOD._replace(statistics={"x": float("nan")}), ONES), "finite value, found 'x': nan"),
        (wire.encode(3, GOOD._replace(episodes=[1]), ONES), "episode"),
        (wire.encode(3, GOOD, np.full(8, np.inf, np.float32)), "must be finite"),
        (
            wire.encode(3, wire.Weights(SIGNATURE, 9, 9, True, False), ONES),
            "a server does not accept the message weights",
        ),
        ([b"garbage"], "checksum"),
        ([wire.sealed(b"garbage")], "must be msgpack"),
    ],
)
def test_a_refused_message_changes_neither_weights_nor_counters(frames, reason):
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    before = service.weights.snapshot()
    weights, mean_square = before.weights.copy(), before.optimiser["mean_square"].copy()
    assert reason in refusal(service, connection(client), frames).reason
    after = service.weights.snapshot()
    np.testing.assert_array_equal(after.weights, weights)
    np.testing.assert_array_equal(after.optimiser["mean_square"], mean_square)
    assert (after.version, after.step) == (0, 0)
    assert service.metrics.refused.total() == 1
    assert service.scalars()["workers/refused"] == 1.0
    assert service.metrics.rollout() == {}


def test_a_push_without_steps_is_a_further_gradient_of_a_run_with_epochs():
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    further = GOOD._replace(steps=0)
    told = refusal(service, connection(client), wire.encode(10, further, ONES)).reason
    assert told == "push.steps must be 5 (t_max) times 1 to 4 (envs_per_worker), found 0"

    service = make_service(epochs=2)
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    assert push(client, 0, episodes=[Episode(1.0, 20, {})]).step == 20
    assert push(client, 1, steps=0)[1:4] == (2, 20, True)
    assert (service.report().updates, service.report().steps, service.report().episodes) == (2, 20, 1)
    more = further._replace(episodes=[[1.0, 20, {}]])
    told = refusal(service, connection(client), wire.encode(10, more, ONES)).reason
    assert told == "a push must have at most 0 episodes, found 1"
    told = refusal(service, connection(client), wire.encode(11, GOOD._replace(steps=40), ONES)).reason
    assert told == "push.steps must be 5 (t_max) times 0 to 4 (envs_per_worker; 0: a further gradient), found 40"


def test_a_workers_rollout_may_have_fewer_environments():
    """stable-retro allows one environment in a process. All gradients of its workers used to be refused."""
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    assert push(client, 0, steps=5).step == 5
    assert push(client, 1, steps=15).step == 20
    for number, steps in enumerate((7, 25)):
        told = refusal(service, connection(client), wire.encode(10 + number, GOOD._replace(steps=steps), ONES)).reason
        assert told == f"push.steps must be 5 (t_max) times 1 to 4 (envs_per_worker), found {steps}"


def test_later_workers_have_fewer_environments():
    found = [make_service(envs_per_worker=16).weights.hyperparameters.environments_of(k) for k in range(40)]
    assert found[:8] == [16, 16, 10, 8, 6, 5, 4, 4]
    assert found[31:] == [1] * 9
    assert [make_service(envs_per_worker=1).weights.hyperparameters.environments_of(k) for k in (0, 1, 2)] == [1, 1, 1]


def test_of_many_workers_the_later_ones_have_shorter_rollouts():
    def lengths(**settings):
        found = make_service(**settings).weights.hyperparameters
        return [found.t_max_of(worker) for worker in range(64)]

    assert lengths(t_max=40)[:16] == [40] * 16
    assert [lengths(t_max=40)[worker] for worker in (16, 19, 31, 63)] == [19, 16, 10, 10]
    assert lengths(t_max=32, envs_per_worker=16)[31::16] == [32, 21, 16], "the 32nd still has one environment"
    assert lengths(t_max=5) == [5] * 64, "the shortest is not longer than t_max"
    assert lengths(t_max=40, surrogate_clip=0.0) == [40] * 64, "A3C as published has t_max"


def test_the_steps_of_a_push_are_those_of_its_worker():
    service = make_service(t_max=40)
    clients = [make_client(service, f"worker{k}") for k in range(17)]
    for client in clients:
        client.hello()
        client.join(SPECS)
    assert push(clients[15], 0, steps=40).step == 40
    assert push(clients[16], 0, steps=19).step == 59
    told = refusal(service, connection(clients[16]), wire.encode(10, GOOD._replace(steps=40), ONES)).reason
    assert told == "push.steps must be 19 (t_max) times 0 to 4 (envs_per_worker; 0: a further gradient), found 40"


def test_workers_with_fewer_environments_compute_more_gradients():
    def epochs(**settings):
        return [make_service(**settings).weights.hyperparameters.epochs_of(k) for k in range(40)]

    assert epochs()[:6] == [1, 1, 2, 2, 4, 4]
    assert epochs(envs_per_worker=16)[:9] == [1, 1, 1, 2, 2, 3, 4, 4, 4]
    assert max(epochs(envs_per_worker=16)) == 4
    assert set(epochs(epochs=8)) == {8}
    assert set(epochs(envs_per_worker=1)) == {1}
    assert set(epochs(surrogate_clip=0.0)) == {1}

    service = make_service()
    for name in "abc":
        client = make_client(service, name)
        client.hello()
        client.join(SPECS)
    assert push(client, 0, steps=10).step == 10
    assert push(client, 1, steps=0)[1:4] == (2, 10, True)


def test_the_server_knows_how_many_environments_its_workers_step():
    service = make_service()
    for name in ("one", "two", "three"):
        make_client(service, name).hello()
    assert service.environments == 4 + 4 + 2


def test_unknown_clients_and_invalid_names_are_refused():
    service = make_service()
    assert refusal(service, b"z", wire.encode(1, GOOD, ONES)).remedy == "hello"
    for name in ("", "a b", "a" * 65):
        assert (
            "hello.client" in refusal(service, b"z", wire.encode(1, wire.Hello(name, "n", -1, wire.WORKER, 0))).reason
        )
    assert service.handle(b"z", wire.encode(0, wire.Beat("nobody", ""))) is None
    assert len(service.roster) == 0


def test_junk_names_of_metrics_give_their_place_back():
    """An environment that declares no figures has no reserved names."""
    service = make_service(t_max=25)
    client = make_client(service)
    client.hello()
    client.join(SPECS)

    def report(metrics, pushes=1):
        for _ in range(pushes):
            push(client, 0, steps=100, episodes=[Episode(1.0, 1, metrics)] * 100)
        return {figure.name for figure in service.report().figures}

    junk = {f"junk{number}": 1.0 for number in range(30)}
    report(junk)
    assert len(report({f"more_{name}": 1.0 for name in junk})) == 32
    real = {"score": 3.0}
    assert "score" not in report(real)
    assert "score" in report(real, pushes=12)
