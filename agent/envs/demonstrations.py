"""Demonstrations: steps of a teacher, as the observations, actions and rewards of a run's environment."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.actions import Family
from a3c64.envs.spaces import Observations, Shape


class Demonstrations(NamedTuple):
    """N steps of one or more episodes, one after the other."""

    family: Family  # of the environment's actions
    observations: Observations  # [N, ...], what the policy sees before it acts
    starts: np.ndarray  # float32 [N], 1 where observations[n] begins an episode
    actions: np.ndarray  # [N, *family.shape], in the form that training stores
    exact: np.ndarray  # bool [N], whether the action gives exactly the words that the game read
    rewards: np.ndarray  # float32 [N]; reward[n] follows action[n]
    terminated: np.ndarray  # bool [N]
    ended: np.ndarray  # bool [N], whether the episode ends with this step, for any reason

    @property
    def shape(self) -> Shape:
        """Return the shape of one observation."""
        height, width, channels = self.observations.image.shape[1:]
        return Shape((height, width, channels), self.observations.vector.shape[1])

    @property
    def steps(self) -> int:
        """Return N."""
        return len(self.starts)

    @property
    def episodes(self) -> int:
        """Return the number of episodes."""
        return int(self.starts.sum())

    @property
    def inexact(self) -> float:
        """Return the share of steps whose action is only the nearest one."""
        return 1.0 - float(self.exact.mean())


def movies_in(paths: Iterable[Path]) -> list[Path]:
    """Return all movies in files and folders; those of a folder are sorted by name.

    Raises:
        BadInputError: a path does not exist.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise BadInputError(
                f"{path} does not exist; expected a movie (.m64) or a folder with movies, such as a run folder"
            )
        found = sorted(path.rglob("*.m64")) if path.is_dir() else [path]
        files.update(dict.fromkeys(file for file in found if file.is_file()))
    return list(files)
