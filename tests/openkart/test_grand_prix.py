"""The grand prix: grid, places, levels, collisions and the end of the race."""

import numpy as np
import pytest
from host_kart import HostKart, follow

from n64gym.games.openkart_telemetry import COUNTDOWN, RACE, RESULTS, Telemetry
from n64gym.machine.controller import A

FIXED = 65536
GRAND_PRIX = 1
KARTS = 8


def rivals(now: Telemetry) -> list[float]:
    """Return the race progress of the CPU karts, laps."""
    return [getattr(now, f"rival_{number}") / FIXED for number in range(1, KARTS)]


def place_by_progress(now: Telemetry) -> int:
    return 1 + sum(progress > now.race_progress / FIXED for progress in rivals(now))


def rivals_after(kart: HostKart, seconds: int, **wanted: int) -> list[float]:
    kart.go_to_race(mode=GRAND_PRIX, **wanted)
    return rivals(kart.step(vis=60 * seconds))


def test_the_grid_is_in_order_behind_the_line(kart: HostKart):
    now = kart.go_to_race(mode=GRAND_PRIX)
    assert (now.mode, now.karts, now.place, now.kart_hits) == (1, KARTS, KARTS, 0)
    progress = rivals(now)
    assert progress == sorted(progress, reverse=True), "the first rival must be in front"
    assert -0.06 < now.race_progress / FIXED < progress[-1] < progress[0] < 0
    middles = kart.karts()[:, :2]
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=-1)[np.triu_indices(KARTS, 1)]
    assert apart.min() > 2.5


@pytest.mark.parametrize("start", [1, 55, 96, 99])
def test_the_grid_follows_the_start_position(kart: HostKart, start: int):
    now = kart.go_to_race(mode=GRAND_PRIX, start=start)
    assert now.race_progress / FIXED == pytest.approx(start / 100, abs=0.001)
    assert now.place == KARTS
    for progress in rivals(now):
        assert start / 100 < progress < start / 100 + 0.05


def test_karts_stand_still_before_the_start(kart: HostKart):
    kart.go_to_menu()
    kart.step(0x50 << 16)
    kart.step(0)
    assert kart.step(A).stage == COUNTDOWN
    before = kart.karts()
    while kart.step(A).stage == COUNTDOWN:
        np.testing.assert_array_equal(kart.karts(), before)


def test_a_time_trial_has_no_rivals(kart: HostKart):
    kart.go_to_race(mode=GRAND_PRIX)
    now = kart.go_to_race()
    assert (now.karts, now.place, rivals(now)) == (1, 1, [0.0] * 7)
    now = kart.step(A, vis=60)
    assert (now.kart_hits, rivals(now)) == (0, [0.0] * 7)


@pytest.mark.parametrize("course", range(5))
def test_each_level_is_faster_and_no_kart_gets_stuck(kart: HostKart, course: int):
    easy, medium, hard = (rivals_after(kart, 45, course=course, level=level) for level in range(3))
    for one, two, three in zip(easy, medium, hard, strict=True):
        assert 0.4 < one < two < three


@pytest.mark.parametrize("seed", range(100, 10000, 900))
def test_rivals_drive_generated_courses(kart: HostKart, seed: int):
    assert min(rivals_after(kart, 60, course=4, seed=seed)) > 0.6


def test_places_follow_progress_and_change(kart: HostKart):
    now = kart.go_to_race(mode=GRAND_PRIX, level=0)
    places = set()
    while now.stage == RACE:
        now = kart.step(follow(now))
        if now.stage == RACE:
            assert now.place == place_by_progress(now)
        places.add(now.place)
    assert now.stage == RESULTS
    assert len(places) > 4, "the player must pass several rivals"
    assert now.place == min(places) < 4


def test_the_driver_that_does_well_on_easy_loses_on_hard(kart: HostKart):
    """On level easy the same driver is among the first three (test above). On hard it must not be."""
    now = kart.go_to_race(mode=GRAND_PRIX, level=2, laps=1)
    while now.stage == RACE:
        now = kart.step(follow(now))
    assert now.place > 3


def test_the_race_ends_when_the_player_finishes_last(kart: HostKart):
    """The rivals finish while the player waits on the grid, and drive on slowly. The player's finish ends the race."""
    now = kart.go_to_race(mode=GRAND_PRIX, level=2, laps=1, start=50)
    now = kart.step(vis=60 * 60)
    assert (now.stage, now.finished, now.place) == (RACE, 0, KARTS)
    assert min(rivals(now)) > 1
    speeds = kart.karts()[1:, 3]
    assert speeds.max() < 45
    assert speeds.min() > 10
    while now.stage == RACE:
        now = kart.step(follow(now))
    assert (now.stage, now.finished, now.place, now.laps_done) == (RESULTS, 1, KARTS, 1)


def test_the_place_is_final_at_the_finish(kart: HostKart):
    now = kart.go_to_race(mode=GRAND_PRIX, level=0, laps=1, start=60)
    while now.stage == RACE:
        now = kart.step(follow(now))
    before = rivals(now)
    later = kart.step(vis=60 * 20)
    assert max(rivals(later)) > max(before), "rivals must drive on after the finish"
    assert place_by_progress(later) > now.place, "rivals must have passed the player, who has stopped"
    assert (later.stage, later.place) == (RESULTS, now.place)


def test_karts_push_each_other(kart: HostKart):
    now = kart.go_to_race(mode=GRAND_PRIX, level=0, course=1)
    while now.speed < 75 * FIXED:
        now = kart.step(follow(now))
    x, z, heading, speed = kart.karts()[-1]
    ahead = np.radians(heading)
    assert now.speed / FIXED > speed + 4
    kart.place(x - 1.7 * np.sin(ahead), z - 1.7 * np.cos(ahead), heading)
    pushed = 0.0
    for _ in range(15):
        after = kart.step(A)
        mine, other = kart.karts()[[0, -1]]
        assert np.hypot(*(mine - other)[:2]) > 1.3
        pushed = max(pushed, other[3])
    assert after.kart_hits == now.kart_hits + 1, "one push must count as one collision"
    assert after.speed < now.speed - 2 * FIXED
    assert pushed > speed + 2
    assert after.wall_hits == now.wall_hits


def test_pause_stops_all_karts(kart: HostKart):
    kart.go_to_race(mode=GRAND_PRIX)
    kart.step(A, vis=100)
    kart.step(0x10)  # Start
    before = kart.karts()
    kart.step(A, vis=50)
    np.testing.assert_array_equal(kart.karts(), before)


def test_the_same_inputs_give_the_same_race(kart: HostKart):
    def race() -> list[list[int]]:
        now = kart.go_to_race(mode=GRAND_PRIX, course=3, laps=1, start=50, level=1)
        words = []
        while now.stage == RACE:
            now = kart.step(follow(now, 0.5))
            words.append(kart.words.tolist())
        return words

    assert race() == race()
