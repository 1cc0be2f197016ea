"""The run's metrics: counters, and means over a window."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.ma  # np.percentile imports it when it is first called, and a full descriptor table would stop that

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figures
from a3c64.paramserver.figures import SavedFigures
from a3c64.wire.messages import STATISTICS
from a3c64.wire.report import FigureReport, Staleness

WINDOW = 100  # a rollout/ or env/ figure is the mean of this many episodes, as in Stable-Baselines3
STALENESS_WINDOW = 1000  # newest gradients in the distribution of staleness
FIRST = 20  # episodes of the run's beginning, with which the guard compares
MAX_ENV_METRICS = 32  # names that match declared series, and as many undeclared names; further ones are ignored
OWN_METRICS = frozenset({"emulator_restarts"})  # these names and those that an environment declares are never ignored
FORGET_AFTER = 1000  # episodes; a name that none of these has reported gives its place to a new one
NUMBERED = 16  # names of each declared series that are never ignored: those with the numbers below this
MAX_STATISTICS = 32  # further names of a gradient's figures beside STATISTICS are ignored


def tag(name: str) -> str:
    """Return the TensorBoard tag of a gradient's figure: time/ for shares of a worker's time, train/ for others."""
    return f"time/{name.removeprefix('time_')}" if name.startswith("time_") else f"train/{name}"


class Metrics:
    """Figures of a run, from its gradients and episodes."""

    def __init__(self) -> None:
        self.declared = UNDECLARED  # the environment's declarations of its figures; see `declare`
        self._names: dict[str, int] = {}  # of the environment's figures -> the episode that reported it last
        self._next_search = 0  # number of episodes at which old names may be removed again
        self._reserved = OWN_METRICS
        self._room = {True: MAX_ENV_METRICS, False: MAX_ENV_METRICS}  # for names of declared series, and for others
        self.refused: Counter[str] = Counter()  # reason -> number of refused messages
        self.refused_connections = 0  # without a valid key
        self.episodes = 0
        self.largest = 0.0  # absolute value of any episode's return
        self.best: dict[str, tuple[float, float]] = {}  # env metric -> lowest and highest value of any episode
        self.first_returns: list[float] = []  # of the run's first episodes, at most FIRST
        self._recent: deque[Episode] = deque(maxlen=WINDOW)
        self._environment: dict[str, deque[float]] = {}
        self._training: dict[str, tuple[float, int]] = {}  # sum and number of values since the last point
        self._extra: set[str] = set()  # names in it beside STATISTICS
        self.staleness: deque[int] = deque(maxlen=STALENESS_WINDOW)  # of the newest gradients, refused ones included
        self._rate_mark: tuple[float, int] | None = None
        self.fps = 0.0

    def resume(self, figures: SavedFigures) -> None:
        """Continue from the figures of a checkpoint."""
        self.episodes = figures.episodes
        self._names.update(dict.fromkeys(figures.environment, self.episodes))
        self.declare(Figures(figures.declared))
        self.refused.update(figures.refused)
        self.refused_connections = figures.refused_connections
        self.best.update(figures.best)
        self.staleness.extend(figures.staleness)
        self.first_returns.extend(figures.first_returns)
        self._recent.extend(figures.recent)
        self.largest = max((abs(episode.total_reward) for episode in figures.recent), default=0.0)
        for name, values in figures.environment.items():
            self._environment[name] = deque(values, maxlen=WINDOW)

    def figures(self) -> SavedFigures:
        """Return the figures that `resume` needs."""
        return SavedFigures(
            episodes=self.episodes,
            declared=self.declared.declared,
            refused=dict(self.refused),
            refused_connections=self.refused_connections,
            best=self.best,
            staleness=tuple(self.staleness),
            first_returns=tuple(self.first_returns),
            recent=tuple(self._recent),
            environment={name: tuple(values) for name, values in self._environment.items()},
        )

    def declare(self, figures: Figures) -> None:
        """Take an environment's declarations. Names that it declares have a reserved place."""
        self.declared = figures
        self._reserved = OWN_METRICS.union(
            figure.name.replace("*", str(number)) for figure in figures.declared for number in range(NUMBERED)
        )
        self._room = {True: MAX_ENV_METRICS, False: MAX_ENV_METRICS}
        for name in self._names.keys() - self._reserved:
            self._room[figures.declares(name)] -= 1

    def bounded(self, episodes: Sequence[Episode]) -> list[Episode]:
        """Return episodes without the metrics for whose names there is no room."""
        return [
            episode._replace(metrics={name: value for name, value in episode.metrics.items() if self._admits(name)})
            for episode in episodes
        ]

    def _admits(self, name: str) -> bool:
        """Return whether a figure of the environment is kept. The number of names is bounded."""
        if name not in self._names and name not in self._reserved:
            search = self.episodes >= self._next_search
            if max(self._room.values()) <= 0 and not search:
                return False
            kind = self.declared.declares(name)
            if self._room[kind] <= 0 and search:
                self._forget_old()
            if self._room[kind] <= 0:
                return False
            self._room[kind] -= 1
        self._names[name] = self.episodes
        return True

    def _forget_old(self) -> None:
        """Remove the names that have no reserved place and have not been reported for long."""
        self._next_search = self.episodes + WINDOW
        for name, last in list(self._names.items()):
            if last < self.episodes - FORGET_AFTER and name not in self._reserved:
                self._room[self.declared.declares(name)] += 1
                for known in (self._names, self._environment, self.best):
                    known.pop(name, None)

    def add_update(self, statistics: Mapping[str, float], staleness: int) -> None:
        """Add the figures of one gradient, and its staleness, updates."""
        self.staleness.append(staleness)
        for name, value in {"staleness": float(staleness), **statistics}.items():
            if name != "staleness" and name not in STATISTICS and name not in self._extra:
                if len(self._extra) >= MAX_STATISTICS:
                    continue
                self._extra.add(name)
            total, count = self._training.get(name, (0.0, 0))
            self._training[name] = (total + value, count + 1)

    def add_episodes(self, episodes: Sequence[Episode]) -> None:
        """Add finished episodes."""
        for episode in self.bounded(episodes):
            self.episodes += 1
            self._recent.append(episode)
            self.largest = max(self.largest, abs(episode.total_reward))
            if len(self.first_returns) < FIRST:
                self.first_returns.append(episode.total_reward)
            for name, value in episode.metrics.items():
                self._environment.setdefault(name, deque(maxlen=WINDOW)).append(value)
                low, high = self.best.get(name, (value, value))
                self.best[name] = (min(low, value), max(high, value))

    def measure_rate(self, now_s: float, step: int) -> None:
        """Compute `fps`, the environment steps per second since the last call."""
        if self._rate_mark is not None and now_s > self._rate_mark[0]:
            self.fps = (step - self._rate_mark[1]) / (now_s - self._rate_mark[0])
        self._rate_mark = (now_s, step)

    def rollout(self) -> dict[str, float]:
        """Return means over the last WINDOW episodes: rollout/* and env/*; empty before the first ends."""
        if self.mean_return is None or self.mean_length is None:
            return {}
        return {
            "rollout/ep_rew_mean": self.mean_return,
            "rollout/ep_len_mean": self.mean_length,
            **{f"env/{name}": sum(values) / len(values) for name, values in self._environment.items()},
        }

    @property
    def mean_return(self) -> float | None:
        """Return the mean return of the last WINDOW episodes; None before the first ends."""
        return sum(one.total_reward for one in self._recent) / len(self._recent) if self._recent else None

    @property
    def mean_length(self) -> float | None:
        """Return the mean length of the last WINDOW episodes, steps; None before the first ends."""
        return sum(one.length for one in self._recent) / len(self._recent) if self._recent else None

    def figure_reports(self) -> tuple[FigureReport, ...]:
        """Return the environment's figures, the declared ones first."""
        headlines = self.declared.headlines(self._environment)
        reports = []
        for figure in self.declared.ordered(self._environment):
            values, (least, most) = self._environment[figure.name], self.best[figure.name]
            about = figure._replace(headline=figure in headlines)._asdict()
            reports.append(FigureReport(**about, mean=sum(values) / len(values), least=least, most=most))
        return tuple(reports)

    def staleness_figures(self) -> Staleness | None:
        """Return median, 95th percentile and maximum over the newest gradients; None before the first."""
        if not self.staleness:
            return None
        median, p95, worst = np.percentile(self.staleness, (50, 95, 100))
        return Staleness(median=float(median), p95=float(p95), max=float(worst))

    def drain_training(self) -> dict[str, float]:
        """Return train/* and time/* as means since the last call."""
        means = {tag(name): total / count for name, (total, count) in self._training.items() if count}
        self._training = dict.fromkeys(self._training, (0.0, 0))
        return means
