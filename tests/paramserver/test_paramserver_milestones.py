"""Each milestone is reported once."""

from in_process import Clock

from a3c64.envs.episode import Episode
from a3c64.envs.figures import Figure, Figures
from a3c64.paramserver.metrics import WINDOW, Metrics
from a3c64.paramserver.milestones import RETURN_S, Milestones

RACE = Figures([Figure("finished", "finished", "", "rate", True), Figure("best_lap_s", "best lap", "s", "least", True)])


def test_the_first_lap_and_the_first_finish_are_reported():
    milestones = Milestones(metrics := Metrics())
    metrics.declared = RACE
    assert milestones.reached(0) == []
    metrics.add_episodes([Episode(1.0, 10, {"finished": 0.0})])
    assert milestones.reached(10) == []
    metrics.add_episodes([Episode(1.0, 10, {"finished": 0.0, "best_lap_s": 41.5})])
    assert milestones.reached(1_020) == ["first best lap at step 1,020 | 41.50 s"]
    metrics.add_episodes([Episode(1.0, 10, {"finished": 1.0, "best_lap_s": 40.0})])
    assert milestones.reached(1_030) == ["first finished at step 1,030"]
    assert milestones.reached(1_040) == []


def test_milestones_from_before_a_restart_are_not_repeated():
    before, metrics = Metrics(), Metrics()
    before.add_episodes([Episode(1.0, 10, {"finished": 1.0, "best_lap_s": 40.0})])
    metrics.resume(before.figures())
    milestones = Milestones(metrics)
    metrics.declared = RACE
    metrics.add_episodes([Episode(1.0, 10, {"finished": 1.0, "best_lap_s": 39.0})])
    assert milestones.reached(200) == []


def test_better_returns_are_reported_at_intervals():
    clock, metrics = Clock(), Metrics()
    milestones = Milestones(metrics, clock)
    metrics.add_episodes([Episode(1.0, 10, {})] * WINDOW)
    assert milestones.reached(1_000) == [], "the first return must not be reported at once"
    clock.now += RETURN_S
    assert milestones.reached(2_000) == ["best mean return of 100 episodes so far, at step 2,000 | 1.00"]
    clock.now += RETURN_S
    assert milestones.reached(3_000) == [], "an equal return must not be reported"
    metrics.add_episodes([Episode(3.0, 10, {})] * WINDOW)
    assert milestones.reached(4_000) == []
    clock.now += RETURN_S
    assert milestones.reached(5_000) == ["best mean return of 100 episodes so far, at step 5,000 | 3.00"]
