"""The rollout buffer."""

import numpy as np
import pytest

from agent.rollout import Rollout


def append(rollout, n):
    yes = np.array([n % 2 == 0, n % 2 == 1])
    two = np.full(2, n, np.float32)
    rollout.append(np.full((2, 3), n), two, two.astype(int), two, two, yes, ~yes, two)


def test_fills_in_order_and_starts_again_in_place():
    rollout = Rollout(4, 2, (3,), np.dtype(np.uint8), ())
    where = rollout.observations
    for n in range(4):
        assert not rollout.full
        append(rollout, n)
    assert rollout.full
    assert rollout.observations[:, 0, 0].tolist() == rollout.rewards[:, 1].tolist() == [0, 1, 2, 3]
    assert rollout.terminated[:, 0].tolist() == [True, False, True, False]
    with pytest.raises(IndexError, match="4 steps"):
        append(rollout, 4)
    rollout.restart()
    append(rollout, 9)
    assert rollout.observations is where
    assert rollout.rewards[0, 0] == 9


def test_a_step_is_copied():
    rollout = Rollout(1, 2, (3,), np.dtype(np.uint8), ())
    seen = np.ones((2, 3), np.uint8)
    zeros = np.zeros(2)
    rollout.append(seen, zeros, zeros, zeros, zeros, zeros, zeros, zeros)
    seen[:] = 7
    assert rollout.observations.max() == 1
