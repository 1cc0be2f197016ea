"""What a person meant by their input: a key follows what they see after a reaction time, and taps steer a little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n64gym.machine.controller import stick_of, word
from n64gym.n64_env import VIS_PER_SECOND

AVERAGED_VIS = 28  # taps of a key within this time are one position of the stick
BUTTONS = 0xFFFF  # the bits of a word without the stick


def meant(words: Sequence[int], frameskip: int, reaction: float) -> list[int]:
    """Return the controller word that a person would have given in each step of an episode without a reaction time.

    Its buttons are those pressed a reaction time later. Its stick is the mean around that time, over the steps with the
    same buttons: a keyboard knows only full left, full right and straight, so its player steers by the share of time
    that a key is down. Otherwise the most probable action of a policy, which has no such share, would be straight.

    Args:
        words: the controller words of all steps of the episode.
        frameskip: VIs of a step.
        reaction: seconds from what the player sees to the input that follows.
    """
    later, half = round(reaction * VIS_PER_SECOND / frameskip), AVERAGED_VIS // (2 * frameskip)
    buttons = np.array(words, np.int64) & BUTTONS
    sticks = np.array([stick_of(one) for one in words], np.float64).reshape(-1, 2)
    found = []
    for step in range(len(words)):
        at = min(step + later, len(words) - 1)
        first = max(step, at - half)
        same = buttons[first : at + half + 1] == buttons[at]
        x, y = sticks[first : at + half + 1][same].mean(axis=0)
        found.append(word(int(buttons[at]), round(x), round(y)))
    return found
