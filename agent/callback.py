"""Callbacks: the user's own code at the events of a run. `--callback module:Class` names a subclass of Callback."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from a3c64.envs.episode import Episode

if TYPE_CHECKING:
    from a3c64.wire.report import Evaluation


class StopTraining(Exception):
    """Raised by a callback to end the run. The last weights are saved and evaluated, as at every end of a run."""


class Moment(NamedTuple):
    """When something happened in a run."""

    step: int  # environment steps of the run so far
    updates: int  # gradients that have been applied so far
    seconds: float  # of training so far, summed over all starts of the run
    run_dir: Path  # the run's folder


class Callback:
    """Base class of callbacks. Define the methods that you need; the others do nothing.

    The server makes one object, without arguments, and calls it from one thread. All workers wait meanwhile, so be
    quick. An exception is logged and counted, and training goes on, unless it is StopTraining.
    """

    def on_episode(self, episode: Episode, moment: Moment) -> None:
        """Do something after an episode of a worker: `total_reward`, `length`, `metrics`."""

    def on_update(self, figures: dict[str, float], moment: Moment) -> None:
        """Do something after a gradient was applied: `policy_loss`, `value_loss`, `entropy`, `grad_norm` and others."""

    def on_evaluation(self, evaluation: "Evaluation", moment: Moment) -> None:
        """Do something after an evaluation: `mean_reward`, `episodes`, `figures`, and the `step` of its weights."""

    def on_checkpoint(self, path: Path, moment: Moment) -> None:
        """Do something after a checkpoint was written into a folder."""
