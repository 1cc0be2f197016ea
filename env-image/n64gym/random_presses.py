"""Random actions at the beginning of an episode, so that training also starts in states that a good driver never
reaches."""

import copy
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

RANDOM_VIS = 60  # each action is held this long


def random_presses(
    generator: np.random.Generator, space: gymnasium.Space[Any], word: Callable[[Any], int], most: int
) -> list[tuple[int, int]]:
    """Draw random actions for 0 to `most` VIs in total. Return pairs of VIs and the controller word held for them."""
    left = int(generator.integers(most + 1))
    space = copy.deepcopy(space)  # a copy, because sampling changes the space's random generator
    space.seed(int(generator.integers(1 << 31)))
    presses = []
    while left > 0:
        presses.append((min(left, RANDOM_VIS), word(space.sample())))
        left -= RANDOM_VIS
    return presses
