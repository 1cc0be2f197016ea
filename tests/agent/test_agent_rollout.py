"""The rollout buffer."""

import numpy as np
import pytest

from a3c64.envs.actions import Categorical
from a3c64.envs.spaces import Observations, Shape
from a3c64.learning.rollout import Rollout

SHAPE = Shape((2, 2, 1), 3)


def append(rollout, n):
    yes = np.array([n % 2 == 0, n % 2 == 1])
    two = np.full(2, n, np.float32)
    rollout.saw(Observations(np.full((2, 2, 2, 1), n), np.full((2, 3), n)))
    rollout.append(two, two.astype(int), np.full((2, 3), n), two, two, yes, ~yes, two)


def test_the_buffer_fills_in_order_and_restarts_in_place():
    rollout = Rollout(4, 2, SHAPE, Categorical(3))
    where = rollout.observations
    for n in range(4):
        assert not rollout.full
        append(rollout, n)
    assert rollout.full
    assert rollout.observations.vector[:, 0, 0].tolist() == rollout.rewards[:, 1].tolist() == [0, 1, 2, 3]
    assert rollout.observations.image[:, 1, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert rollout.parameters[:, 1, 2].tolist() == [0, 1, 2, 3]
    assert rollout.terminated[:, 0].tolist() == [True, False, True, False]
    with pytest.raises(IndexError, match="4 steps"):
        append(rollout, 4)
    rollout.restart()
    append(rollout, 9)
    assert rollout.observations is where
    assert rollout.rewards[0, 0] == 9


def test_observations_are_copied():
    rollout = Rollout(1, 2, SHAPE, Categorical(3))
    seen = Observations(np.ones((2, 2, 2, 1), np.uint8), np.ones((2, 3), np.float32))
    rollout.saw(seen)
    seen.image[:] = seen.vector[:] = 7
    assert rollout.observations.image.max() == rollout.observations.vector.max() == 1
