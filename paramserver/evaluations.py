"""What greedy evaluations have found so far, and which of them was the best."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from a3c64.envs.episode import Episode

MAX_FIGURES = 64  # of one evaluation: it is remembered as long as the run
MAX_EVALUATIONS = 10_000  # that are remembered: five weeks at one in five minutes
LEAST = {"best_lap_s": "best_lap"}  # metrics of which the least counts -> what that is called
MEAN = {"finished": "finish_rate"}  # metrics whose mean has a name of its own


class Evaluation(NamedTuple):
    """How greedy episodes with certain weights went."""

    step: int  # environment steps of the run when it had these weights
    version: int  # of the weights
    seconds: float  # of training until they were scored
    episodes: int
    mean_reward: float
    mean_length: float
    means: dict[str, float]  # finish_rate, best_lap, and the environment's other metrics

    def scalars(self) -> dict[str, float]:
        """Return what is charted."""
        figures = {"mean_reward": self.mean_reward, "mean_length": self.mean_length, **self.means}
        return {f"eval/{name}": value for name, value in figures.items()}

    def text(self) -> str:
        """Return it as one line."""
        parts = [f"evaluated at step {self.step:,}", f"return {self.mean_reward:.2f}"]
        if "finish_rate" in self.means:
            parts.append(f"finished {self.means['finish_rate']:.0%} of {self.episodes}")
        if "best_lap" in self.means:
            parts.append(f"best lap {self.means['best_lap']:.2f} s")
        return " | ".join(parts)


def evaluation(step: int, version: int, seconds: float, episodes: Sequence[Episode]) -> Evaluation:
    """Sum up episodes, at least one; what only some of them report is summed up over those."""
    means = {}
    for name in sorted({name for episode in episodes for name in episode.metrics})[:MAX_FIGURES]:
        values = [episode.metrics[name] for episode in episodes if name in episode.metrics]
        if name in LEAST:
            means[LEAST[name]] = min(values)
        else:
            means[MEAN.get(name, name)] = float(np.mean(values))
    mean_reward = float(np.mean([episode.total_reward for episode in episodes]))
    mean_length = float(np.mean([episode.length for episode in episodes]))
    return Evaluation(step, version, round(seconds, 1), len(episodes), mean_reward, mean_length, means)


class Evaluations:
    """The evaluations of a run.

    Args:
        earlier: those of before the server was started.
        best: mean return of the weights in best/, if there are any.
    """

    def __init__(self, earlier: Sequence[Evaluation] = (), best: float | None = None) -> None:
        self.all = list(earlier)
        self.best = best

    @property
    def last(self) -> Evaluation | None:
        """Return the newest."""
        return self.all[-1] if self.all else None

    @property
    def highest(self) -> Evaluation | None:
        """Return the one with the highest mean return."""
        return max(self.all, key=lambda one: one.mean_reward, default=None)

    def add(self, one: Evaluation) -> bool:
        """Remember one, and say whether none was better before."""
        self.all = [*self.all, one][-MAX_EVALUATIONS:]
        better = self.best is None or one.mean_reward > self.best
        if better:
            self.best = one.mean_reward
        return better

    def report(self) -> dict[str, Any] | None:
        """Return the newest and the best, for people."""
        if self.last is None or self.highest is None:
            return None
        return {"last": self.last._asdict(), "best": self.highest._asdict(), "count": len(self.all)}


def read(raw: Sequence[Mapping[str, Any]]) -> list[Evaluation]:
    """Return evaluations from what stood in a file.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    return [
        Evaluation(
            int(one["step"]),
            int(one["version"]),
            float(one["seconds"]),
            int(one["episodes"]),
            float(one["mean_reward"]),
            float(one["mean_length"]),
            {str(name): float(value) for name, value in one["means"].items()},
        )
        for one in raw
    ]
