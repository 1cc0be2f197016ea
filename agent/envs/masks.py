"""Action masks: which actions an environment allows now, in `info["action_mask"]` as Gymnasium's Taxi gives it."""

import logging
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError, named

MASK = "action_mask"
FORBIDDEN = np.float32(-1e9)  # logit of a masked action: its probability is exactly 0, but products with it stay finite

log = logging.getLogger(__name__)


def masked(parameters: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    """Return the parameters of distributions that never give a masked action.

    Args:
        parameters: float32 [B, outputs].
        allowed: bool [B, outputs]; None = all actions are allowed.
    """
    return parameters if allowed is None else np.where(allowed, parameters, FORBIDDEN)


class ActionMasks:
    """The masks of B environments. The first reset of the first environment decides whether masks are used.

    Attributes:
        allowed: bool [B, outputs], which actions are allowed; None if masks are not used.

    Args:
        space: the environments' action space.
        batch: B.
        environment: the environments' id, for messages.
    """

    def __init__(self, space: gym.Space, batch: int, environment: str) -> None:
        self.allowed: np.ndarray | None = None
        self._sizes: list[int] = []  # of the choices that masks apply to
        if isinstance(space, gym.spaces.Discrete):
            self._sizes = [int(space.n)]
        elif isinstance(space, gym.spaces.MultiDiscrete):
            self._sizes = space.nvec.ravel().tolist()
        self._offsets = np.cumsum([0, *self._sizes[:-1]])
        self._space, self._batch, self._environment = space, batch, environment
        self._decided = self._said = False

    def see(self, k: int, info: Any) -> None:
        """Take environment `k`'s mask from the info of a reset or a step. Without a mask, all actions are allowed.

        Raises:
            BadInputError: the mask has a wrong shape, other values than 0 and 1, or allows no action.
        """
        given = info.get(MASK) if isinstance(info, Mapping) else None
        if self.allowed is None:
            if given is None or self._ignored():
                self._decided = True
                return
            self.allowed = np.ones((self._batch, sum(self._sizes)), bool)
        self._decided = True
        self.allowed[k] = True if given is None else self._parsed(given)

    def allow(self, actions: np.ndarray) -> np.ndarray:
        """Return which of the actions, [B, *family.shape], are allowed: bool [B]."""
        if self.allowed is None:
            return np.ones(len(actions), bool)
        places = actions.reshape(len(actions), -1) + self._offsets  # [B, choices]
        fits: np.ndarray = np.take_along_axis(self.allowed, places, axis=1)
        return np.all(fits, axis=1)

    def _ignored(self) -> bool:
        """Return whether masks cannot be used, and log why, once."""
        if not self._sizes:
            why = f"masks of {type(self._space).__name__} actions are not supported"
        elif self._decided:
            why = "the first reset gave none"
        else:
            return False
        if not self._said:
            log.warning('%s: info["%s"] is ignored: %s', self._environment, MASK, why)
            self._said = True
        return True

    def _parsed(self, given: Any) -> np.ndarray:
        """Return a mask as bool [outputs]. For MultiDiscrete it is one array, or an array for each choice."""
        choices = len(self._sizes)
        each = list(given) if choices > 1 and isinstance(given, tuple | list) and len(given) == choices else [given]
        try:
            arrays = [np.asarray(one) for one in each]
            whole = np.concatenate(arrays)
            fits = all(one.ndim == 1 for one in arrays) and np.isin(whole, (0, 1)).all()
        except (TypeError, ValueError):  # no array, or lists of unequal length
            fits = False
        if (
            not fits
            or len(whole) != sum(self._sizes)
            or (choices == len(arrays) and list(map(len, arrays)) != self._sizes)
        ):
            wanted = " + ".join(map(str, self._sizes))
            raise self._refused(f"must have {wanted} numbers, 1 for each allowed action and 0 for the others", given)
        parts = np.split(whole.astype(bool), self._offsets[1:])
        if not all(part.any() for part in parts):
            raise self._refused(
                "must allow an action" if choices == 1 else "must allow an action of each choice", given
            )
        return np.concatenate(parts)

    def _refused(self, rule: str, given: Any) -> BadInputError:
        found = " ".join(repr(given).split())
        return BadInputError(f'{named("env_id")}: {self._environment}: info["{MASK}"] {rule}, found {found:.80}')
