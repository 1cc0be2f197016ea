"""Runs the user's callbacks. Their exceptions are logged and counted, and never end the server."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from a3c64.callback import Callback, Moment, StopTraining
from a3c64.config import BadInputError, named
from a3c64.envs.episode import Episode
from a3c64.envs.failures import place_of
from a3c64.envs.own_code import load
from a3c64.hyperparameters import listed
from a3c64.wire.report import Evaluation

log = logging.getLogger(__name__)

MAX_SAID = 100  # different exceptions that are logged


class Callbacks:
    """The callbacks of a run.

    Args:
        names: module:Class, with commas between; None = no callback.

    Raises:
        BadInputError: a class cannot be imported or made, or is not a Callback.
    """

    def __init__(self, names: str | None = None) -> None:
        self._own = {name: _made(name) for name in listed(names)}
        self._said: set[str] = set()
        self.exceptions = 0  # so far
        self.over = ""  # the reason for the end of the run, once a callback has raised StopTraining

    def episodes(self, episodes: Sequence[Episode], moment: Moment) -> None:
        """Tell the callbacks of episodes that have ended."""
        for episode in episodes if self._own else ():
            self._call("on_episode", episode, moment)

    def update(self, figures: dict[str, float], moment: Moment) -> None:
        """Tell the callbacks of an applied gradient."""
        if self._own:
            self._call("on_update", dict(figures), moment)

    def evaluation(self, evaluation: Evaluation, moment: Moment) -> None:
        """Tell the callbacks of an evaluation."""
        self._call("on_evaluation", evaluation, moment)

    def checkpoint(self, path: Path, moment: Moment) -> None:
        """Tell the callbacks of a checkpoint."""
        self._call("on_checkpoint", path, moment)

    def close(self) -> None:
        """Log how many exceptions there were."""
        if self.exceptions:
            log.warning("callbacks raised %d exceptions in this start of the run", self.exceptions)

    def _call(self, method: str, *given: Any) -> None:
        for name, own in self._own.items():
            try:
                getattr(own, method)(*given)
            except StopTraining as stop:
                reason = " ".join(str(stop).split())
                self.over = self.over or f"the callback {name} has ended the run{reason and f': {reason}'}"
            except (Exception, SystemExit) as error:  # the user's code may raise anything
                self.exceptions += 1
                said = f"{name}.{method} raised {place_of(error)}"
                if said not in self._said and len(self._said) < MAX_SAID:
                    self._said.add(said)
                    log.warning("%s; training goes on", said)


def _made(name: str) -> Callback:
    kind = load("callback", name)
    try:
        own = kind()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise BadInputError(f"{named('callback')}: {name}() raised {place_of(error)}") from None
    if not isinstance(own, Callback):
        raise BadInputError(f"{named('callback')}: {name} must be a subclass of a3c64.Callback, found {own!r:.60}")
    return own
