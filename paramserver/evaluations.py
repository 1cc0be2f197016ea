"""The results of evaluations, and the best of them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figures
from a3c64.wire.report import Evaluation, EvaluationReport

MAX_FIGURES = 64  # of one evaluation; bounded, because all evaluations stay in memory
MAX_EVALUATIONS = 10_000  # the newest ones stay in memory: five weeks at one every five minutes


def charted(one: Evaluation) -> dict[str, float]:
    """Return an evaluation's scalars by tag."""
    return {f"eval/{name}": value for name, value in one.numbers.items()}


def text(one: Evaluation, declared: Figures) -> str:
    """Return an evaluation as one line."""
    said = [figure.say(one.figures[figure.name]) for figure in declared.headlines(one.figures)]
    return " | ".join([f"evaluated at step {one.step:,}", f"{one.actions} return {one.mean_reward:.2f}", *said])


def evaluation(
    step: int,
    version: int,
    seconds: float,
    episodes: Sequence[Episode],
    declared: Figures = UNDECLARED,
    actions: Literal["greedy", "drawn"] = "greedy",
) -> Evaluation:
    """Summarise one or more episodes. A figure that only some of them report is summarised over those."""
    return Evaluation(
        step=step,
        version=version,
        seconds=round(seconds, 1),
        episodes=len(episodes),
        mean_reward=float(np.mean([episode.total_reward for episode in episodes])),
        mean_length=float(np.mean([episode.length for episode in episodes])),
        std_reward=float(np.std([episode.total_reward for episode in episodes], ddof=1)) if len(episodes) > 1 else 0.0,
        actions=actions,
        figures=dict(list(declared.sum_up(episodes).items())[:MAX_FIGURES]),
    )


class Evaluations:
    """The evaluations of a run.

    Args:
        earlier: evaluations from before this start of the server.
        best: the evaluation of the weights in best/; None if that folder has none.
    """

    def __init__(self, earlier: Sequence[Evaluation] = (), best: Evaluation | None = None) -> None:
        self.all = list(earlier)
        self.best = best

    @property
    def last(self) -> Evaluation | None:
        """Return the newest evaluation; None before the first."""
        return self.all[-1] if self.all else None

    @property
    def highest(self) -> Evaluation | None:
        """Return the evaluation with the highest mean return, of equal ones the newest; None before the first."""
        return max(reversed(self.all), key=lambda one: one.mean_reward, default=None)

    def add(self, one: Evaluation) -> bool:
        """Add an evaluation; return whether no earlier one is better. Of equal ones the newest has trained longest."""
        self.all = [*self.all, one][-MAX_EVALUATIONS:]
        better = self.best is None or one.mean_reward >= self.best.mean_reward
        if better:
            self.best = one
        return better

    def report(self) -> EvaluationReport | None:
        """Return the newest and the best evaluation, for status and the web page; None before the first."""
        if self.last is None or self.highest is None:
            return None
        return EvaluationReport(last=self.last, best=self.highest, count=len(self.all))
