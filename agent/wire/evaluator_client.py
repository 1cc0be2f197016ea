"""The evaluator's client of the parameter server: hello, pull, score."""

import logging
from collections.abc import Sequence

from a3c64.envs.episode import Episode
from a3c64.wire import messages as wire
from a3c64.wire.client import ANSWER_S, Client, RefusedError, Update

log = logging.getLogger(__name__)


class DoneError(Exception):
    """The run is over and its last weights have been evaluated."""


class EvaluatorClient(Client):
    """Pulls weights and sends scores. It never sends a gradient."""

    role = wire.EVALUATOR

    def pull(self) -> Update | None:
        """Return the newest weights, or None while the run has none.

        Raises:
            DoneError: the run is over and its last weights have been evaluated.
            RefusedError: the server refuses this evaluator.
        """
        while True:
            answer = self._request(wire.Pull(), ANSWER_S)
            if (update := self._update(answer)) is not None:
                return update
            if answer is not None and isinstance(answer.body, wire.Refused):
                if answer.body.remedy == "wait":
                    return None
                if answer.body.remedy == "done":
                    raise DoneError(answer.body.reason)
                if answer.body.remedy == "none":
                    raise RefusedError(answer.body.reason)
            self._greet_again(answer)

    def score(self, update: Update, episodes: Sequence[Episode]) -> bool:
        """Send the results of episodes with the weights of `update`; return whether the server recorded them.

        It does not if it was restarted from a checkpoint older than these weights.
        """
        body = wire.Score(update.signature, update.version, update.step, wire.pack_episodes(episodes))
        for _ in range(2):  # a retry after a lost answer; the server counts a score only once
            answer = self._request(body, ANSWER_S, update.weights)
            if answer is not None and isinstance(answer.body, wire.Noted):
                return True
            if answer is not None and isinstance(answer.body, wire.Refused) and answer.body.remedy != "hello":
                log.warning("the server at %s refused a score: %s", self._address, answer.body.reason)
                return False
            self._greet_again(answer)
        return False
