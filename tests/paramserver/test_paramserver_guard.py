"""The guard on a real server: a warning when greedy evaluations fall, and the return to the best weights."""

import signal
import threading

import numpy as np
import pytest
from live import until
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from a3c64.envs.episode import Episode
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.paramserver.evaluations import evaluation
from a3c64.paramserver.guard import fell
from a3c64.policy import checkpoint
from a3c64.wire.client import Client, connect
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.status import text

SPECS = [ParameterSpec("w", (3, 2), 1.0)]
ONES = np.ones(6, np.float32)


def judged(*returns):
    return evaluation(1, 1, 0.0, [Episode(value, 10, {}) for value in returns])


@pytest.mark.parametrize(
    ("first", "best", "newest", "expected"),
    [
        ([20.0], [500.0] * 4, [240.0] * 4, True),  # below half of the best; a positive beginning counts as 0
        ([20.0], [500.0] * 4, [260.0] * 4, False),
        ([-200.0], [-100.0] * 4, [-160.0] * 4, True),  # below half way from the beginning to the best
        ([-200.0], [-100.0] * 4, [-140.0] * 4, False),
        ([-300.0], [200.0] * 4, [-60.0] * 4, True),
        ([-300.0], [200.0] * 4, [-40.0] * 4, False),
        ([-200.0], [-200.0] * 4, [-200.0] * 4, False),  # nothing was learned
        ([-200.0], [-250.0] * 4, [-300.0] * 4, False),
        ([-200.0], [-20.0] + [-200.0] * 19, [-200.0] * 20, False),  # one lucky episode of twenty
        ([-200.0], [-20.0] * 15 + [-200.0] * 5, [-200.0] * 20, True),
        ([-21.0, -20.0], [-20.0] * 14 + [-21.0] * 6, [-21.0] * 20, False),  # Pong before it has learned
        ([-21.0, -20.0], [18.0] * 20, [-21.0] * 20, True),
        ([390.0, 400.0], [401.0] * 20, [380.0] * 20, False),  # a trained policy from another task
        ([390.0, 400.0], [401.0] * 20, [0.0] * 20, True),
        ([], [400.0], [0.0], True),  # no episode of the training has ended yet
    ],
)
def test_an_evaluation_has_fallen_half_way_to_the_beginning_and_not_by_chance(first, best, newest, expected):
    assert fell(judged(*newest), judged(*best), first) is expected


class Run:
    """A server, one worker's client and an evaluator's client."""

    def __init__(self, stack, begin=0.0, **settings):
        self.stack, self._settings = stack, settings
        self.start()
        self.push(Episode(begin, 20, {}))

    def start(self):
        self.server = self.stack.start("a3c64.paramserver", **self._settings)
        stop = threading.Event()
        self.worker, one = connect(Client, self.stack.server, "worker", stop)
        self.judge, other = connect(EvaluatorClient, self.stack.server, "judge", stop)
        self.heartbeats = (one, other)
        for client, heartbeat in ((self.worker, one), (self.judge, other)):
            client.hello()
            heartbeat.start()
        self.update = self.worker.join(SPECS)

    def push(self, *episodes, version=None, statistics=None):
        version = self.update.version if version is None else version
        self.update = self.worker.push(ONES, signature(SPECS), version, 20, statistics or {}, episodes)
        return self.update

    def evaluate(self, *scores):
        """Train a little before each evaluation. Return the last evaluated weights."""
        for score in scores:
            self.push()
            pulled = self.judge.pull()
            assert self.judge.score(pulled, [Episode(score, 20, {})] * 2)
        return pulled

    def report(self):
        return self.stack.wait_for(lambda _: True, 60, "a report")

    def stop(self):
        for heartbeat in self.heartbeats:
            heartbeat.stop()
        for client in (self.worker, self.judge):
            client.close()
        self.server.send_signal(signal.SIGTERM)
        assert self.server.wait(60) == 0


def test_after_three_evaluations_that_fell_training_continues_from_the_best_weights(stack):
    run = Run(stack)
    best = run.evaluate(50.0, 100.0, 100.0)  # of equal ones the newest counts
    assert (run.report().warning, run.report().restored) == ("", 0)
    run.evaluate(49.0, 49.0)
    warning = "the last 2 evaluations are below 50.00, half way from the beginning to the best (100.00); after 3 in a"
    report = run.report()
    assert report.warning.startswith(warning)
    assert f"warning   {warning}" in text(report)
    assert warning in stack.log(run.server)
    assert report.restored == 0
    late = run.evaluate(0.0)

    back = run.worker.refresh()
    assert (back.version, back.step) == (late.version + 1, late.step), "versions and steps never fall"
    np.testing.assert_array_equal(back.weights, best.weights)
    stored = checkpoint.newest(stack.run_dir / "checkpoints")
    assert stored.version == back.version, "the return is saved at once"
    np.testing.assert_array_equal(stored.weights, best.weights)
    assert (run.report().restored, run.report().warning) == (1, "")
    assert "went back to the best weights 1 times" in text(run.report())
    refused = run.push(version=late.version)
    assert not refused.accepted, "a gradient of the weights before the return must not count"
    np.testing.assert_array_equal(refused.weights, best.weights)
    assert run.report().refused == {"stale": 1}
    until(lambda: run.push().accepted, 60, "a gradient of the weights after the return")
    run.stop()
    events = EventAccumulator(str(stack.run_dir / "tensorboard")).Reload()
    assert {"guard/fallen", "guard/restored"} <= set(events.Tags()["tensors"])
    assert stack.log(run.server).count("training goes back to the best weights, of step") == 1


def test_evaluations_of_weights_from_before_a_return_do_not_count_again(stack):
    run = Run(stack)
    best = run.evaluate(100.0)
    late = run.evaluate(1.0, 1.0, 1.0)
    for score in (2.0, 3.0, 4.0):
        assert run.judge.score(late, [Episode(score, 20, {})] * 2)
    assert (run.report().restored, run.report().warning) == (1, "")
    run.evaluate(1.0, 1.0, 80.0, 1.0, 1.0)
    assert run.report().restored == 1, "one good evaluation in between starts the count again"
    run.evaluate(1.0)
    assert run.report().restored == 2
    np.testing.assert_array_equal(run.worker.refresh().weights, best.weights)
    run.stop()


def test_without_the_guard_there_is_only_the_warning(stack):
    run = Run(stack, guard=False)
    run.evaluate(100.0)
    late = run.evaluate(1.0, 1.0, 1.0, 1.0)
    report = run.report()
    assert report.warning == "the last 4 evaluations are below 50.00, half way from the beginning to the best (100.00)"
    assert report.restored == 0
    np.testing.assert_array_equal(run.worker.refresh().weights, late.weights)
    run.stop()


def test_the_guard_works_with_negative_returns(stack):
    run = Run(stack, begin=-1000.0)
    best = run.evaluate(-400.0, -100.0)
    run.evaluate(-500.0, -500.0, -500.0, -500.0)
    assert (run.report().restored, run.report().warning) == (0, "")
    run.evaluate(-600.0, -600.0, -600.0)
    assert run.report().restored == 1
    np.testing.assert_array_equal(run.worker.refresh().weights, best.weights)
    run.stop()


def test_a_run_that_is_stopped_in_the_middle_of_a_fall_continues_counting(stack):
    run = Run(stack, begin=-1000.0)
    best = run.evaluate(-100.0)
    run.evaluate(-900.0, -900.0)
    run.stop()
    run.start()
    assert "the last 2 evaluations are below -550.00" in run.report().warning
    run.evaluate(-900.0)
    assert run.report().restored == 1
    np.testing.assert_array_equal(run.worker.refresh().weights, best.weights)
    run.stop()
    run.start()
    assert run.report().restored == 1
    run.stop()


def test_the_pace_goes_back_too_and_ignores_the_change_of_weights(stack):
    run = Run(stack)
    for _ in range(10):
        run.push(statistics={"kl": 0.2})
    run.evaluate(100.0)
    for _ in range(10):
        run.push(statistics={"kl": 0.2})
    run.evaluate(1.0, 1.0, 1.0)
    run.update = run.worker.refresh()
    run.push(statistics={"kl": 5.0})  # between the fallen policy and the best one
    run.stop()
    pace = [checkpoint.newest(stack.run_dir / name).pace for name in ("best", "checkpoints")]
    assert pace[0] == pace[1] < 1.0
