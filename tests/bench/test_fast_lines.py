"""The faster lines of the scripted driver."""

import json

import fast_lines
import numpy as np
import pytest
from fast_lines import KNOTS, NONE, Judge, changed


@pytest.fixture(scope="module")
def judge():
    return Judge("meadow")


def test_no_change_leaves_the_drivers_own_line(judge):
    line = changed(judge.road, judge.own, NONE)
    np.testing.assert_allclose(line.points, judge.own.points)
    np.testing.assert_allclose(line.speeds, judge.own.speeds)


def test_a_change_is_in_metres_to_the_right_and_its_mirror_image_to_the_left(judge):
    metre = NONE._replace(right=np.ones(KNOTS), speed=np.full(KNOTS, np.log(2.0)))
    right, left = (changed(judge.road, judge.own, metre, mirror) for mirror in (False, True))
    np.testing.assert_allclose(right.points - judge.own.points, judge.road.right)
    np.testing.assert_allclose(left.points - judge.own.points, -judge.road.right)
    np.testing.assert_allclose(right.speeds, 2 * judge.own.speeds)


@pytest.mark.parametrize("course", ["meadow", "desert", "harbour", "mountain"])
def test_the_driver_is_faster_on_the_lines_of_the_results(course):
    line, judge = json.loads(fast_lines.LINES.read_text())["courses"][course], Judge(course)
    assert judge.seconds(NONE) == pytest.approx(line["own_seconds"], abs=1e-3)
    assert judge.seconds(fast_lines.found()[course]) == pytest.approx(line["seconds"], abs=1e-3)
    assert line["seconds"] < 0.97 * line["own_seconds"]


def test_a_search_keeps_what_is_faster(judge):
    change, curve = fast_lines.search(judge, tries=25, seed=1)
    seconds = [point["seconds"] for point in curve]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[-1] < seconds[0]
    assert judge.seconds(change) == pytest.approx(seconds[-1], abs=1e-3)


def test_a_race_that_takes_too_long_is_not_driven_to_its_end(judge):
    assert judge.seconds(NONE, longest=20.0) == np.inf
