"""The same inputs give the same telemetry and the same pictures, to the bit, on the host and on the emulated N64.

The two are compared at the same number of controller reads, because the N64 reads no controller in the VIs in which it
builds a course.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from host_kart import Driver, HostKart, follow, menu_buttons
from numpy.typing import NDArray

from n64gym.games.openkart_road import read_road
from n64gym.games.openkart_telemetry import COURSE_WORD, RACE, RESULTS, TELEMETRY_WORD
from n64gym.machine.controller import BUTTON_ORDER
from n64gym.machine.emulator import Emulator

VI_COUNT, READS = 22, 27
LONGEST_BUILD = 90  # VIs


@pytest.fixture
def emulator(products: Path) -> Iterator[Emulator]:
    with Emulator(products / "openkart.z64") as running:
        yield running


def emulated_words(emulator: Emulator) -> NDArray[np.int32]:
    return emulator.rdram[TELEMETRY_WORD:COURSE_WORD].view(np.int32)


def step_both(kart: HostKart, emulator: Emulator, buttons: int) -> None:
    """Step both by one VI, and on until the N64 has processed what it has read."""
    for _ in range(LONGEST_BUILD):
        reads = emulator.controller_reads
        emulator.step(1, buttons)
        kart.step(buttons, vis=emulator.controller_reads - reads)
        if emulated_words(emulator)[READS] == kart.words[READS]:
            break
    assert kart.words.tolist() == emulated_words(emulator).tolist()


def start_both(kart: HostKart, emulator: Emulator) -> None:
    """Run both to the game's first VI. It is later in the emulator, where computing the game's tables takes VIs."""
    while emulated_words(emulator)[VI_COUNT] == 0:
        emulator.step(1)
        assert emulator.vi_count < 300
    kart.start()
    kart.step(vis=int(emulated_words(emulator)[VI_COUNT]))


def assert_same_picture(kart: HostKart, emulator: Emulator) -> None:
    np.testing.assert_array_equal(kart.frame(), emulator.frame() >> 3)


def assert_same_course(kart: HostKart, emulator: Emulator) -> None:
    """The course that read_road finds through the telemetry is the course that the game uses."""
    road, samples = read_road(emulator.rdram), kart.samples()
    np.testing.assert_array_equal(road.centre, samples[:, :2])
    walls = samples[:, 3:].T - 0.7  # the kart's radius
    asphalt = samples[:, 2]
    for edge, wall in zip((road.left_edge, road.right_edge), walls, strict=True):
        np.testing.assert_array_less(np.minimum(asphalt, wall) - 1e-4, edge)
        np.testing.assert_array_less(edge, np.minimum(asphalt + 1.01, wall) + 1e-4)  # a kerb is a metre wide at most
    here = emulator.rdram[COURSE_WORD + 1 : COURSE_WORD + 16].view(np.int32)  # without the first word, an address
    np.testing.assert_array_equal(here, kart.course_words[1:])


def test_a_whole_race_is_identical(kart: HostKart, driver: Driver, emulator: Emulator):
    start_both(kart, emulator)
    pictures = 0
    while (now := kart.telemetry).stage != RESULTS:
        step_both(kart, emulator, driver(now) if now.stage == RACE else menu_buttons(now) * (now.vis & 1))
        if now.vis % 2 == 0:
            assert_same_picture(kart, emulator)
            pictures += 1
    assert (now.laps_done, now.finished) == (3, 1)
    assert pictures > 2000
    for _ in range(120):
        step_both(kart, emulator, 0)
    assert_same_picture(kart, emulator)
    assert_same_course(kart, emulator)


@pytest.mark.parametrize(
    "wanted",
    [
        {"mode": 1, "level": 2, "course": 4, "seed": 4711, "laps": 1, "start": 30},
        {"mode": 1, "level": 0, "course": 2, "laps": 1, "start": 70},
        {"course": 3, "laps": 1},
    ],
)
def test_races_of_every_kind_are_identical(kart: HostKart, emulator: Emulator, wanted: dict[str, int]):
    start_both(kart, emulator)
    while (now := kart.telemetry).stage != RESULTS:
        buttons = follow(now, 0.5) if now.stage == RACE else menu_buttons(now, **wanted) * (now.vis & 1)
        step_both(kart, emulator, buttons)
        if now.vis % 20 == 0:
            assert_same_picture(kart, emulator)
    assert now._asdict().items() >= wanted.items()
    assert (now.finished, now.laps_done) == (1, 1)
    for _ in range(60):
        step_both(kart, emulator, 0)
    assert_same_picture(kart, emulator)
    assert_same_course(kart, emulator)


def test_games_with_random_buttons_are_identical(kart: HostKart, emulator: Emulator):
    random = np.random.default_rng(2024)
    start_both(kart, emulator)
    stages = set()
    for _ in range(1500):
        pressed = [button for button in BUTTON_ORDER if random.random() < 0.3]
        stick = random.integers(-80, 81, 2)
        buttons = sum(pressed) | int(stick[0] & 0xFF) << 16 | int(stick[1] & 0xFF) << 24
        for _ in range(int(random.integers(1, 8))):
            step_both(kart, emulator, buttons)
        assert_same_picture(kart, emulator)
        stages.add(kart.telemetry.stage)
    assert RACE in stages
