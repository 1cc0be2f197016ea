"""The four courses and the generated ones have valid geometry, can be driven to the end, and differ."""

import numpy as np
import pytest
from host_kart import HostKart, follow
from numpy.typing import NDArray

from n64gym.games.openkart_telemetry import RACE, RESULTS

MEADOW, DESERT, HARBOUR, MOUNTAIN, GENERATED = range(5)
GRIP = {MOUNTAIN: 0.5}
FIXED = 65536


def lengths(course: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance from each sample to the next, metres [N]."""
    return np.linalg.norm(np.roll(course[:, :2], -1, 0) - course[:, :2], axis=1)


def radii(course: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the centre line's radius at each sample, metres [N]."""
    along = np.roll(course[:, :2], -1, 0) - np.roll(course[:, :2], 1, 0)
    heading = np.arctan2(along[:, 0], along[:, 1])
    turn = (np.roll(heading, -1) - heading + np.pi) % (2 * np.pi) - np.pi
    return lengths(course) / np.maximum(np.abs(turn), 1e-9)


def gap(course: NDArray[np.float64]) -> float:
    """Return the smallest distance in metres between walls of road pieces that are over 40 m apart along the course."""
    count = len(course)
    middles = np.linalg.norm(course[:, None, :2] - course[None, :, :2], axis=-1)  # [N, N]
    walls = course[:, 3:].max(axis=1)
    apart = np.abs(np.arange(count)[:, None] - np.arange(count)[None])
    return float((middles - walls[:, None] - walls[None])[np.minimum(apart, count - apart) >= 10].min())


def turns(course: NDArray[np.float64]) -> int:
    """Return how many full turns the heading makes in a lap: 1 for a line that does not cross itself."""
    along = np.roll(course[:, :2], -1, 0) - course[:, :2]
    heading = np.arctan2(along[:, 0], along[:, 1])
    turn = (np.roll(heading, -1) - heading + np.pi) % (2 * np.pi) - np.pi
    return abs(round(turn.sum() / (2 * np.pi)))


def assert_sound(course: NDArray[np.float64]) -> None:
    assert 125 <= len(course) <= 256
    assert 515 < lengths(course).sum() < 950, "the length must be 515 to 950 m"
    assert lengths(course).max() < 4.5, "samples must be less than 4.5 m apart, also from last to first"
    assert radii(course).min() > 8.5
    assert gap(course) > 2.5
    assert turns(course) == 1
    assert np.abs(course[:, :2]).max() < 250
    assert course[:, 2].min() > 4
    assert (course[:, 3:].min(axis=1) > course[:, 2] + 0.4).all(), "walls must be beside the road"


@pytest.mark.parametrize("course", range(4))
def test_hand_made_courses_are_sound(kart: HostKart, course: int):
    kart.build(course)
    assert_sound(kart.samples())


def test_every_seed_makes_a_sound_course(kart: HostKart):
    for seed in range(0, 10000, 7):
        assert kart.build(GENERATED, seed) < 40, "the number of drafts must be far below the limit"
        assert_sound(kart.samples())


def test_no_seed_runs_out_of_drafts(kart: HostKart):
    assert max(kart.build(GENERATED, seed) for seed in range(10000)) < 40


def footprint(course: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Return the 10 m squares that the centre line passes, relative to the start position and start heading."""
    x, z = (course[:, :2] - course[0, :2]).T
    ahead = np.arctan2(*(course[1, :2] - course[0, :2]))
    right, up = x * np.cos(ahead) - z * np.sin(ahead), x * np.sin(ahead) + z * np.cos(ahead)
    return {(round(a / 10), round(b / 10)) for a, b in zip(right, up, strict=True)}


def test_seeds_give_different_and_repeatable_courses(kart: HostKart):
    def course_of(seed: int) -> NDArray[np.float64]:
        kart.build(GENERATED, seed)
        return kart.samples()

    seen = [footprint(course_of(seed)) for seed in range(60)]
    for i, a in enumerate(seen):
        for b in seen[:i]:
            assert len(a & b) < 0.75 * len(a | b)
    np.testing.assert_array_equal(course_of(5), course_of(5))


@pytest.mark.parametrize("course", range(4))
def test_hand_made_courses_can_be_finished(kart: HostKart, course: int):
    now = kart.go_to_race(course=course)
    assert now.course == course
    hits = 0
    while now.stage == RACE:
        now = kart.step(follow(now, GRIP.get(course, 1.0)))
        assert now.race_time < 180 * 60
        hits = now.wall_hits
    assert (now.stage, now.laps_done, hits) == (RESULTS, 3, 0)
    assert now.lap_time_1 + now.lap_time_2 + now.lap_time_3 == now.race_time


@pytest.mark.parametrize("seed", [*range(0, 10000, 611), 9999])
def test_generated_courses_can_be_finished(kart: HostKart, seed: int):
    now = kart.go_to_race(course=GENERATED, seed=seed, laps=1)
    assert (now.course, now.seed, now.course_ready) == (GENERATED, seed, 1)
    assert 520 <= now.lap_metres / FIXED <= 940
    while now.stage == RACE:
        now = kart.step(follow(now, 0.5))
        assert now.race_time < 90 * 60
    assert (now.stage, now.laps_done) == (RESULTS, 1)


def test_courses_look_different(kart: HostKart):
    pictures = []
    for course in range(4):
        kart.go_to_race(course=course)
        kart.step(vis=30)
        pictures.append(kart.frame()[60:110].reshape(-1, 3).mean(axis=0))  # the ground
    for i, a in enumerate(pictures):
        for b in pictures[:i]:
            assert np.abs(a - b).max() > 3


def test_ice_is_slippery(kart: HostKart):
    """At the same speed and steering, the kart's direction changes less on the icy mountain than in the desert."""
    turned = []
    for course in (DESERT, MOUNTAIN):
        now = kart.go_to_race(course=course)
        while now.speed < 60 * FIXED:
            now = kart.step(follow(now))
        path = []
        for _ in range(40):
            kart.step(0x80 | 60 << 16)
            path.append((kart.telemetry.x / FIXED, kart.telemetry.z / FIXED))
        steps = np.diff(path, axis=0)
        way = np.arctan2(steps[:, 0], steps[:, 1])
        turned.append(way[-1] - way[0])
    assert 0 < turned[1] < 0.8 * turned[0]


def test_the_telemetry_describes_the_course(kart: HostKart):
    """The telemetry's length, width and headings ahead match the centre line."""
    now = kart.go_to_race(course=HARBOUR, start=20)
    course = kart.samples()
    assert now.lap_metres / FIXED == pytest.approx(lengths(course).sum(), rel=0.01)
    assert now.half_width / FIXED == pytest.approx(4.6, abs=0.05)
    along = np.roll(course[:, :2], -1, 0) - np.roll(course[:, :2], 1, 0)
    heading = np.arctan2(along[:, 0], along[:, 1])
    here = 0.2 * len(course)
    spacing = now.lap_metres / FIXED / len(course)
    for tens in range(1, 7):
        index = here + tens * 10 / spacing
        expected = heading[round(index) % len(course)] - heading[round(here)]
        seen = getattr(now, f"ahead_{tens}") / 65536 * 2 * np.pi
        assert abs((seen - expected + np.pi) % (2 * np.pi) - np.pi) < 0.25
    assert max(abs(now.ahead_1), abs(now.ahead_6)) > 2000, "the test needs a corner ahead"


@pytest.mark.parametrize("course", [{"course": HARBOUR}, {"course": GENERATED, "seed": 4711}])
def test_a_mirrored_course_has_left_and_right_swapped(kart: HostKart, course: dict[str, int]):
    kart.go_to_race(**course, start=30)
    plain, ahead = kart.samples(), kart.telemetry.ahead_6
    now = kart.go_to_race(**course, start=30, mirror=1)
    assert (now.mirror, now.course_ready) == (1, 1)
    assert (kart.samples() == plain[:, [0, 1, 2, 4, 3]] * [-1, 1, 1, 1, 1]).all()
    assert now.ahead_6 == pytest.approx(-ahead, rel=0.1), "the bend ahead must be mirrored"
    assert abs(ahead) > 1000, "the test needs a bend ahead"
    while now.stage == RACE and now.race_progress < 0.6 * FIXED:
        now = kart.step(follow(now))
    assert (now.stage, now.off_road) == (RACE, 0)
