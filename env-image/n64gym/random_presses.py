"""Random actions at the beginning of an episode, so that training also starts where a good driver never is."""

import copy
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

RANDOM_VIS = 60  # that each action is held


def random_presses(
    generator: np.random.Generator, space: gymnasium.Space[Any], word: Callable[[Any], int], most: int
) -> list[tuple[int, int]]:
    """Draw actions for 0 to `most` VIs; return pairs of VIs and the controller word that is held for them."""
    left = int(generator.integers(most + 1))
    space = copy.deepcopy(space)  # drawing from a copy leaves the caller's random numbers as they are
    space.seed(int(generator.integers(1 << 31)))
    presses = []
    while left > 0:
        presses.append((min(left, RANDOM_VIS), word(space.sample())))
        left -= RANDOM_VIS
    return presses
