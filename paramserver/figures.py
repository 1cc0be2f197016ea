"""Figures with which charts and the page continue after a restart. Every checkpoint holds them."""

import logging
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from a3c64.envs.episode import Episode
from a3c64.envs.figures import Figure
from a3c64.policy.checkpoint import Snapshot

log = logging.getLogger(__name__)


class Point(NamedTuple):
    """A point of the page's curves."""

    seconds: float  # since the run's first start, without pauses
    steps: int
    steps_per_s: float
    mean_return: float | None
    figures: dict[str, float]  # the environment's headlines


class SavedFigures(BaseModel):
    """The rolling figures of a run at a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    episodes: int = 0  # so far
    recent: tuple[Episode, ...] = ()  # the newest episodes
    declared: tuple[Figure, ...] = ()  # the environment's declarations of its metrics
    environment: dict[str, tuple[float, ...]] = {}  # metric -> values of the newest episodes that reported it
    best: dict[str, tuple[float, float]] = {}  # metric -> lowest and highest value of any episode
    staleness: tuple[int, ...] = ()  # of the newest gradients
    refused: dict[str, int] = {}  # kind of refusal -> messages
    first_returns: tuple[float, ...] = ()  # of the run's first episodes
    fallen: int = 0  # evaluations in a row that fell far below the best, see paramserver/guard.py
    since: int = 0  # version of the weights after the guard's last return to the best ones
    restored: int = 0  # returns to the best weights
    refused_connections: int = 0  # without a valid key
    gone: int = 0  # workers that joined and have ended
    lost: int = 0  # those of them that ended without a message
    history: tuple[Point, ...] = ()  # the points of the page's curves
    history_every: float = 0.0  # seconds between two points; 0 = not set

    def counters(self) -> "SavedFigures":
        """Return the figures that stay valid if the reward or the environment changes: the counters."""
        return SavedFigures(
            episodes=self.episodes,
            refused=self.refused,
            since=self.since,
            restored=self.restored,
            refused_connections=self.refused_connections,
            gone=self.gone,
            lost=self.lost,
        )

    def plain(self) -> dict[str, Any]:
        """Return the figures as lists, dicts and numbers, for JSON."""
        return self.model_dump(mode="json")


def saved(snapshot: Snapshot | None) -> SavedFigures:
    """Return the figures of a checkpoint. If they are missing or damaged, return those of a new run."""
    try:
        return SavedFigures.model_validate((snapshot and snapshot.figures) or {})
    except ValueError as error:
        log.warning("figures.json is damaged, so counters and charts restart from zero: %s", error)
        return SavedFigures()
