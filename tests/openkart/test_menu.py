"""The course select: every row, both directions, wrapping, and the effect of each choice on the race."""

import pytest
from host_kart import DOWN, LEFT, RIGHT, ROWS, UP, Driver, HostKart, follow, menu_buttons

from n64gym.games.openkart_telemetry import COUNTDOWN, COURSE_SELECT, RACE, RESULTS, TITLE, Telemetry
from n64gym.machine.controller import A, B, L, R, Z, word

FIXED = 65536
RANGES = {"mode": (0, 1), "course": (0, 4), "laps": (1, 3), "start": (0, 99), "mirror": (0, 1)}
FIRST = {"mode": 0, "course": 0, "seed": 0, "level": 0, "laps": 3, "start": 0, "mirror": 0}


def push(kart: HostKart, buttons: int) -> Telemetry:
    kart.step(buttons)
    return kart.step(0)


def go_to_row(kart: HostKart, row: str) -> Telemetry:
    now = kart.telemetry
    while ROWS[now.menu_row] != row:
        now = push(kart, DOWN)
    return now


def values(now: Telemetry) -> dict[str, int]:
    return {row: getattr(now, row) for row in ROWS}


def test_power_on_gives_the_defaults(kart: HostKart):
    now = kart.go_to_menu()
    assert values(now) == FIRST
    assert (now.menu_row, now.course_ready, now.karts, now.place) == (0, 1, 1, 1)


def test_seed_and_level_are_shown_where_they_matter(kart: HostKart):
    kart.go_to_menu()
    go_to_row(kart, "course")
    push(kart, LEFT)  # wraps to the generated course
    assert [ROWS[push(kart, DOWN).menu_row] for _ in range(5)] == ["seed", "laps", "start", "mirror", "mode"]
    push(kart, RIGHT)
    expected = ["course", "seed", "level", "laps", "start", "mirror", "mode"]
    assert [ROWS[push(kart, DOWN).menu_row] for _ in range(7)] == expected
    push(kart, DOWN)
    push(kart, RIGHT)
    assert [ROWS[push(kart, UP).menu_row] for _ in range(6)] == ["mode", "mirror", "start", "laps", "level", "course"]


@pytest.mark.parametrize("way", [1, -1])
def test_level_changes_by_one_and_wraps(kart: HostKart, way: int):
    kart.go_to_menu()
    push(kart, RIGHT)
    go_to_row(kart, "level")
    assert [push(kart, word(x=80 * way)).level for _ in range(4)] == [way % 3, 2 * way % 3, 0, way % 3]


@pytest.mark.parametrize(("held", "step"), [(0, 1), (L, 10), (R, 100), (Z, 1000)])
def test_seed_changes_by_steps_and_wraps(kart: HostKart, held: int, step: int):
    kart.go_to_menu()
    go_to_row(kart, "course")
    push(kart, LEFT)
    go_to_row(kart, "seed")
    assert [push(kart, held | RIGHT).seed for _ in range(12)] == [step * i % 10000 for i in range(1, 13)]
    for _ in range(12):
        push(kart, held | LEFT)
    assert push(kart, held | LEFT).seed == 10000 - step


def test_a_course_is_built_when_the_choice_rests(kart: HostKart):
    kart.go_to_menu()
    go_to_row(kart, "course")
    meadow = kart.telemetry.lap_metres
    now = push(kart, RIGHT)
    assert (now.course, now.course_ready, now.lap_metres) == (1, 0, meadow)
    now = kart.step(vis=20)
    assert (now.course, now.course_ready) == (1, 1)
    assert now.lap_metres > meadow
    now = push(kart, LEFT)
    assert (now.course, now.course_ready) == (0, 0)
    assert push(kart, RIGHT).course_ready == 1, "the course built before must still be there"


def test_a_race_started_at_once_is_on_the_chosen_course(kart: HostKart):
    kart.go_to_menu()
    go_to_row(kart, "course")
    kart.step(RIGHT)
    now = kart.step(A)
    assert (now.stage, now.course, now.course_ready) == (COUNTDOWN, 1, 1)
    assert now.lap_metres > 900 * FIXED


def test_best_laps_are_kept_per_course_without_partial_laps(kart: HostKart):
    """The best laps are only visible in the menu's picture, so that is compared."""

    def race_from(start: int) -> Telemetry:
        now = kart.telemetry
        while now.stage != RACE:
            now = push(kart, menu_buttons(now, laps=1, start=start))
        while now.stage == RACE:
            now = kart.step(follow(now))
        now = kart.step(vis=40)
        kart.step(A)
        return now

    def panel() -> bytes:
        """Return the part of the picture with the best lap, always in the same phase of the blinking."""
        now = kart.telemetry
        while now.stage != TITLE:
            now = push(kart, B)
        push(kart, A)
        now = kart.step(vis=20)
        return kart.frame()[32:44, 58:156].tobytes()

    kart.go_to_menu()
    go_to_row(kart, "mirror")
    push(kart, RIGHT)
    kart.step(vis=20)
    mirrored = panel()
    push(kart, LEFT)
    kart.step(vis=20)
    nothing = panel()
    race_from(80)
    assert panel() == nothing, "a partial lap must not count"
    race_from(0)
    best = panel()
    assert best != nothing
    race_from(80)
    assert panel() == best
    go_to_row(kart, "course")
    push(kart, RIGHT)
    kart.step(vis=20)
    push(kart, LEFT)
    kart.step(vis=20)
    assert panel() == best
    go_to_row(kart, "mirror")
    push(kart, RIGHT)
    kart.step(vis=20)
    assert panel() == mirrored, "the mirrored course has no best lap"
    push(kart, LEFT)
    kart.step(vis=20)
    assert panel() == best


def test_the_cursor_wraps_both_ways_past_hidden_rows(kart: HostKart):
    kart.go_to_menu()
    assert [ROWS[push(kart, DOWN).menu_row] for _ in range(5)] == ["course", "laps", "start", "mirror", "mode"]
    assert [ROWS[push(kart, UP).menu_row] for _ in range(5)] == ["mirror", "start", "laps", "course", "mode"]


@pytest.mark.parametrize("row", RANGES)
@pytest.mark.parametrize(("buttons", "way"), [(RIGHT, 1), (LEFT, -1)])
def test_every_row_changes_by_one_and_wraps(kart: HostKart, row: str, buttons: int, way: int):
    kart.go_to_menu()
    first = values(go_to_row(kart, row))
    low, high = RANGES[row]
    expected = first[row]
    for _ in range(high - low + 2):
        expected = low + (expected + way - low) % (high - low + 1)
        assert values(push(kart, buttons)) == {**first, row: expected}


@pytest.mark.parametrize(("held", "step"), [(L, 10), (R, 100), (Z, 1000)])
def test_held_buttons_make_large_steps_of_the_start_only(kart: HostKart, held: int, step: int):
    kart.go_to_menu()
    go_to_row(kart, "start")
    assert push(kart, held | RIGHT).start == step % 100
    assert push(kart, held | LEFT).start == 0
    assert push(kart, held | LEFT).start == -step % 100
    go_to_row(kart, "laps")
    assert push(kart, held | LEFT).laps == 2


def test_a_push_counts_once_and_must_pass_the_threshold(kart: HostKart):
    kart.go_to_menu()
    go_to_row(kart, "laps")
    assert kart.step(LEFT, vis=50).laps == 2
    assert kart.step(word(x=-39), vis=50).laps == 2
    kart.step(0)
    assert kart.step(word(x=-39), vis=50).laps == 2


def test_a_stick_held_from_the_title_moves_nothing(kart: HostKart):
    kart.start()
    kart.step(A | DOWN)
    assert kart.step(DOWN, vis=20).menu_row == 0
    kart.step(0)
    assert kart.step(DOWN).menu_row == 1


def test_b_goes_back_and_the_choice_stays(kart: HostKart):
    kart.go_to_menu()
    go_to_row(kart, "laps")
    push(kart, LEFT)
    assert push(kart, B).stage == TITLE
    assert push(kart, A).stage == COURSE_SELECT
    assert kart.telemetry.laps == 2
    assert push(kart, A).stage == COUNTDOWN


@pytest.mark.parametrize("start", [1, 37, 50, 99])
def test_the_race_starts_at_the_chosen_position(kart: HostKart, start: int):
    now = kart.go_to_race(start=start)
    assert now.start == start
    assert now.race_progress / FIXED == pytest.approx(start / 100, abs=0.0005)
    assert abs(now.lateral) < FIXED
    assert abs(now.heading_error) < 4 / 360 * 65536
    assert (now.laps_done, now.speed) == (0, 0)


def test_a_race_can_have_one_lap(kart: HostKart, driver: Driver):
    now = kart.go_to_race(laps=1)
    assert now.laps == 1
    while now.stage == RACE:
        now = kart.step(driver(now))
    assert (now.stage, now.finished, now.laps_done, now.lap_time_2) == (RESULTS, 1, 1, 0)
    assert now.lap_time_1 == now.race_time
    assert now.race_progress == pytest.approx(FIXED, abs=FIXED / 100)


def test_a_race_from_the_middle_is_shorter(kart: HostKart, driver: Driver):
    now = kart.go_to_race(laps=2, start=60)
    while now.stage == RACE:
        now = kart.step(driver(now))
    assert (now.stage, now.finished, now.laps_done) == (RESULTS, 1, 2)
    assert now.lap_time_1 < 0.6 * now.lap_time_2
    assert now.lap_time_1 + now.lap_time_2 == now.race_time
    assert now.lap_time_3 == 0


def test_the_menu_can_be_operated_from_any_state(kart: HostKart):
    """From any state of the menu, menu_buttons leads to the wanted values."""
    now = kart.go_to_menu()
    for wanted in ({"laps": 1, "start": 99}, {"laps": 3, "start": 8}, {"start": 41}):
        for _ in range(40):
            buttons = menu_buttons(now, **wanted)
            if buttons == A:
                break
            now = push(kart, buttons)
        assert values(now).items() >= wanted.items()
