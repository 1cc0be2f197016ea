"""The scripted driver finishes every course, stays on the road, and is not slower than when it was written."""

import gymnasium
import pytest

from n64gym.games.openkart_driver import Driver, drive
from n64gym.games.openkart_line import fastest_line
from n64gym.games.openkart_road import read_road
from n64gym.games.openkart_telemetry import COURSE_WORD, FIXED, read_telemetry

# VIs of the driver's best lap of three when it was written
LAP_VIS = {"meadow": 1784, "desert": 2336, "harbour": 1729, "mountain": 2249}


@pytest.fixture(scope="module")
def env():
    with gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42)) as env:
        yield env


@pytest.mark.parametrize("course", LAP_VIS)
def test_laps_are_as_fast_as_when_the_driver_was_written(env, course):
    result = drive(env, course=course, laps=2)
    assert result.finished
    assert min(result.lap_times) * 60 < 1.02 * LAP_VIS[course]


@pytest.mark.parametrize("seed", [3, 4321])
def test_the_driver_finishes_generated_courses_from_the_middle(env, seed):
    assert drive(env, course="generated", course_seed=seed, laps=2, start=0.4).finished


def test_a_mirrored_course_takes_as_long(env):
    result = drive(env, course="meadow", laps=2, mirror=True)
    assert result.finished
    assert min(result.lap_times) * 60 < 1.03 * LAP_VIS["meadow"]


def test_the_racing_line_stays_on_the_road(env):
    env.reset(options={"course": "harbour"})
    rdram = env.unwrapped.emulator.rdram
    telemetry = read_telemetry(rdram)
    road = read_road(rdram)
    assert len(road.centre) * road.spacing == pytest.approx(telemetry.lap_metres / FIXED)
    line = fastest_line(road)
    lateral = ((line.points - road.centre) * road.right).sum(1)
    assert (lateral > -road.left_edge).all()
    assert (lateral < road.right_edge).all()
    assert lateral.max() - lateral.min() > 4  # the line uses the road's width
    assert line.speeds.min() < 15 < line.speeds.max()


def test_memory_without_a_course_is_refused(env):
    env.reset()
    rdram = env.unwrapped.emulator.rdram
    with pytest.raises(ValueError, match="memory holds no course"):
        read_road(rdram * 0)
    elsewhere = rdram.copy()
    elsewhere[COURSE_WORD] = 0x807FFFF0  # all samples except the first would be beyond the end of memory
    with pytest.raises(ValueError, match="memory holds no course"):
        read_road(elsewhere)


def test_one_driver_drives_several_courses(env):
    driver = Driver(env)
    for course in ("meadow", "desert"):
        env.reset(options={"course": course})
        for _ in range(45):
            *_, info = env.step(driver())
        assert info["speed"] > 50
        assert not info["off_road"]
