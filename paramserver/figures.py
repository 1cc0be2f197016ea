"""What charts and the page go on with after a restart: episodes, means, counters. It is a part of every checkpoint."""

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from a3c64.envs.episode import Episode
from a3c64.envs.figures import Figure


class Point(NamedTuple):
    """A point of the page's curves."""

    seconds: float  # since the run's first start, without pauses
    steps: int
    steps_per_s: float
    mean_return: float | None
    figures: dict[str, float]  # the environment's, for one line


class SavedFigures(BaseModel):
    """The rolling figures of a run at a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    episodes: int = 0  # so far
    recent: tuple[Episode, ...] = ()  # the last ones
    declared: tuple[Figure, ...] = ()  # what the environment says about its metrics
    environment: dict[str, tuple[float, ...]] = {}  # metric -> its values in the last episodes that reported it
    best: dict[str, tuple[float, float]] = {}  # metric -> lowest and highest value of any episode
    staleness: tuple[int, ...] = ()  # of the newest gradients
    refused: dict[str, int] = {}  # kind of refusal -> messages
    gone: int = 0  # workers that joined and are not here any more
    lost: int = 0  # of these, those that fell silent
    history: tuple[Point, ...] = ()  # the points of the page's curves
    history_every: float = 0.0  # seconds between two of them; 0 = the curves' own choice

    def counters(self) -> "SavedFigures":
        """Return what still counts when returns mean something else from now on."""
        return SavedFigures(episodes=self.episodes, refused=self.refused, gone=self.gone, lost=self.lost)

    def plain(self) -> dict[str, Any]:
        """Return lists, dicts and numbers, for JSON."""
        return self.model_dump(mode="json")
