"""Unit tests of the optimiser, the pace, the roster and the metrics."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from a3c64.envs.episode import Episode
from a3c64.paramserver.metrics import Metrics
from a3c64.paramserver.optimiser import PACE_RANGE, Pace, decayed, rmsprop, scheduled
from a3c64.paramserver.roster import HEARTBEAT_TIMEOUT_S, SUSPECT_S, Roster
from a3c64.paramserver.tensorboard.event_file import EventFile


def test_rmsprop_matches_the_paper_with_bias_correction():
    rng = np.random.default_rng(0)
    weights, g = rng.normal(size=50).astype(np.float32), np.zeros(50, np.float32)
    slow_weights, slow_g = weights.astype(float).copy(), np.zeros(50)
    scratch = np.empty(50, np.float32)
    for update in range(1, 30):
        gradient = rng.normal(size=50).astype(np.float32)
        kept = gradient.copy()
        rmsprop(weights, g, gradient, scratch, update, learning_rate=0.01, decay=0.9, epsilon=1e-3)
        np.testing.assert_array_equal(gradient, kept)
        for i in range(50):
            slow_g[i] = 0.9 * slow_g[i] + 0.1 * float(gradient[i]) ** 2
            slow_weights[i] -= 0.01 * gradient[i] / np.sqrt(slow_g[i] / (1 - 0.9**update) + 1e-3)
    np.testing.assert_allclose(weights, slow_weights, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(g, slow_g, rtol=1e-4)


def test_the_first_step_is_as_long_as_the_learning_rate():
    weights = np.zeros(3, np.float32)
    gradient = np.array([5.0, -0.1, 0.0], np.float32)
    rmsprop(weights, np.zeros(3, np.float32), gradient, np.empty(3, np.float32), 1, 0.01, 0.99, 1e-9)
    np.testing.assert_allclose(weights, [-0.01, 0.01, 0.0], rtol=1e-3)


def test_a_step_with_a_pace_is_never_longer_than_the_learning_rate():
    def step(gradient, pace):
        weights, g = np.zeros(50, np.float32), np.full(50, 0.04, np.float32)  # the mean square of gradients of 0.2
        rmsprop(weights, g, gradient, np.empty(50, np.float32), 10_000, 0.01, 0.99, 1e-12, pace)
        return weights

    short = np.random.default_rng(0).normal(scale=0.02, size=50).astype(np.float32)
    np.testing.assert_allclose(step(short, 3.0), 3.0 * step(short, None), rtol=1e-5)
    long = 100.0 * short
    assert np.sqrt(np.mean(step(long, None) ** 2)) > 0.03
    for pace in (1.0, 5.0):
        capped = step(long, pace)
        assert np.sqrt(np.mean(capped**2)) == pytest.approx(0.01, rel=1e-4)
        np.testing.assert_allclose(capped / np.linalg.norm(capped), step(long, 1.0) / np.linalg.norm(step(long, 1.0)))
    assert not step(np.zeros(50, np.float32), 2.0).any()


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("strength", [0.004, 0.2])
def test_the_pace_brings_the_divergence_to_its_target(workers, strength):
    pace, rng = Pace(0.01), np.random.default_rng(1)
    for _ in range(300 * workers):  # the policy's divergence grows with the square of the step length
        pace.measured(strength * pace.value**2 * rng.exponential(), workers, 0.01)
    assert strength * pace.value**2 == pytest.approx(0.01, rel=0.5)


def test_the_pace_stays_in_its_range():
    lowest, highest = PACE_RANGE
    for divergence, workers, end in ((0.0, 1, highest), (0.0, 16, highest), (0.0, 64, 0.5), (1e30, 64, lowest)):
        pace = Pace(0.01)
        for _ in range(1000 * workers):
            pace.measured(divergence, workers, 0.01)
        assert pace.value == pytest.approx(end)
    still = Pace(0.0)
    still.measured(1.0, 1, 0.0)
    assert still.value is None


def test_many_updates_before_the_first_measurement_become_shorter():
    """64 workers push 256 gradients of the first weights. At full length they moved the policy by 8 nats."""
    pace, paces = Pace(0.01), []
    for _ in range(256):
        pace.applied()
        paces.append(pace.value)
    assert paces[:4] == [1.0] * 4
    assert paces[255] == 4 / 256
    assert sum(paces) < 25
    pace.measured(0.01, 64, 0.01)
    for _ in range(256):
        pace.applied()
    assert pace.value == pytest.approx(4 / 256)
    checkpointed = Pace(0.01, 0.5)
    for _ in range(256):
        checkpointed.applied()
    assert checkpointed.value == 0.5


def test_the_target_divergence_falls_with_the_steps():
    assert decayed(0.01, 0, 300_000) == 0.01
    assert decayed(0.01, 300_000, 300_000) == 0.005
    assert decayed(0.01, 900_000, 300_000) == 0.0025
    assert decayed(0.01, 900_000, 0) == 0.01, "0 means that the target is constant"


def test_a_linear_schedule_falls_to_zero():
    assert scheduled(1.0, "constant", 50, 100) == 1.0
    assert scheduled(1.0, "linear", 25, 100) == 0.75
    assert scheduled(1.0, "linear", 500, 100) == 0.0
    assert scheduled(1.0, "linear", 500, 0) == 1.0, "without a limit the rate must stay constant"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_gets_its_old_index_or_the_lowest_free_one():
    roster = Roster(Clock())
    assert [roster.greet(c, c.encode(), c, -1).index for c in "abc"] == [0, 1, 2]
    roster.leave(b"b")
    assert roster.greet("d", b"d", "d", -1).index == 1
    assert roster.greet("e", b"e", "e", 7).index == 7, "a worker must keep its index after a server restart"
    assert roster.greet("f", b"f", "f", 7).index == 3, "an index in use must not be given twice"
    assert roster.greet("a", b"a", "a", 5).index == 0, "a known worker must keep its index"
    assert (len(roster), roster.joined, roster.lost) == (5, 6, 0)


def test_a_closed_connection_frees_its_index():
    clock, closed = Clock(), set()
    roster = Roster(clock, lambda connection: connection not in closed)
    for name in "abc":
        roster.greet(name, name.encode(), name, -1)
    closed.add(b"b")
    assert roster.drop_gone(-1) == [], "no heartbeat is missing yet, and no other worker wants the index"
    clock.now += SUSPECT_S + 0.1
    for name in "ac":
        roster.beat(name)
    assert [member.index for member in roster.drop_gone(-1)] == [1]
    assert (roster.greet("d", b"d", "d", -1).index, roster.lost) == (1, 1)
    closed.add(b"a")
    assert [member.index for member in roster.drop_gone(0)] == [0], "another worker wants the index"
    member = roster.greet("e", b"e", "e", 0)
    assert (member.index, member.restarts) == (0, 1)


def test_a_worker_that_was_silent_does_not_count_as_restarted():
    clock = Clock()
    roster = Roster(clock)
    roster.greet("a", b"1", "a", -1)
    clock.now += HEARTBEAT_TIMEOUT_S + 1.0
    roster.sweep()
    assert roster.greet("a", b"2", "a", 0).restarts == 0
    clock.now += HEARTBEAT_TIMEOUT_S + 1.0
    roster.sweep()
    assert roster.greet("b", b"3", "b", 0).restarts == 1


def test_workers_are_dropped_without_heartbeats():
    clock = Clock()
    roster = Roster(clock)
    roster.greet("a", b"a", "a", -1)
    roster.greet("b", b"b", "b", -1)
    clock.now += HEARTBEAT_TIMEOUT_S - 0.1
    roster.beat("a")
    assert roster.sweep() == []
    clock.now += 0.2
    assert [member.client for member in roster.sweep()] == ["b"]
    assert (len(roster), roster.lost) == (1, 1)


def test_means_are_over_recent_episodes_and_the_best_is_kept():
    metrics = Metrics()
    assert metrics.rollout() == {}
    metrics.add_episodes([Episode(float(n), 10, {"best_lap_s": 50.0 - n} if n % 2 else {}) for n in range(150)])
    means = metrics.rollout()
    assert means["rollout/ep_rew_mean"] == pytest.approx(np.mean(range(50, 150)))
    [best_lap] = metrics.figure_reports()
    assert (best_lap.name, best_lap.least, best_lap.most) == ("best_lap_s", 50.0 - 149, 49.0)
    assert metrics.episodes == 150


def test_the_number_of_metric_names_is_bounded():
    metrics = Metrics()
    for n in range(1000):
        metrics.add_update({f"x{n}": 1.0}, n)
        metrics.add_episodes([Episode(0.0, 1, {f"y{n}": 1.0})])
    assert len(metrics.drain_training()) < 100
    assert len(metrics.staleness) < 10_000
    assert len(metrics.rollout()) < 100


def test_updates_are_averaged_until_drained():
    metrics = Metrics()
    metrics.add_update({"entropy": 1.0, "time_act": 0.5}, 1)
    metrics.add_update({"entropy": 3.0}, 4)
    assert metrics.drain_training() == {"train/entropy": 2.0, "time/act": 0.5, "train/staleness": 2.5}
    assert metrics.drain_training() == {}


def test_tensorboard_reads_what_we_write(tmp_path):
    file = EventFile(tmp_path, 0)
    for step in (10, 20):
        file.scalars({"time/total_timesteps": float(step), "train/entropy": 0.5}, step)
        file.histogram("train/staleness_distribution", [0] * 3 + [1] * 5 + [9] * 2, step)
    file.histogram("train/staleness_distribution", [], 30)
    file.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("time/total_timesteps")] == [(10, 10.0), (20, 20.0)]
    assert events.Scalars("train/entropy")[1].value == 0.5
    first, second = events.Tensors("train/staleness_distribution")  # step 30 has no data, so it has no histogram
    assert (first.step, second.step) == (10, 20)
    rows = tensor_util.make_ndarray(second.tensor_proto)  # [bins, 3]: low, high, count
    assert (rows[0, 0], rows[-1, 1], rows[:, 2].sum()) == (0.0, 9.0, 10.0)
    assert [count for low, high, count in rows if low <= 9.0 <= high] == [2.0]
