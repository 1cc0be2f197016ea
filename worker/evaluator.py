"""The evaluator: plays episodes with the newest weights at intervals (`python -m a3c64.worker.evaluator`)."""

import logging
import os
import socket
import sys
import threading
import time

from a3c64 import logs, program
from a3c64.processes import limit_threads, stop_on_signals

limit_threads()
if __name__ == "__main__":
    program.leave_on_signals("a3c64 evaluator")  # the imports below take a second

from a3c64.config import EXIT_CRASHED, BadInputError, Settings  # noqa: E402
from a3c64.envs.failures import GivenUpError  # noqa: E402
from a3c64.envs.making import check  # noqa: E402
from a3c64.hyperparameters import Hyperparameters  # noqa: E402
from a3c64.policy.episodes import play, varied  # noqa: E402
from a3c64.wire.address import ServerAddress, address_in  # noqa: E402
from a3c64.wire.client import RefusedError, RunChangedError, StoppedError, connect  # noqa: E402
from a3c64.wire.evaluator_client import DoneError, EvaluatorClient  # noqa: E402
from a3c64.wire.heartbeat import Heartbeat  # noqa: E402
from a3c64.wire.status import fetch  # noqa: E402

log = logging.getLogger("a3c64.worker.evaluator")

NICENESS = 10  # it uses the CPU time that workers leave, and about a tenth of a core if they leave none
LOOK_S = 1.0  # interval of asking the server whether the run is over
FETCH_S = 2.0  # timeout of that question


class OverWatch:
    """A thread that sets `over` when the run is over or `stop` is set, so that the current evaluation ends early."""

    def __init__(self, address: ServerAddress, stop: threading.Event) -> None:
        self.over = threading.Event()
        self._address, self._stop = address, stop
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="over-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join(timeout=FETCH_S + LOOK_S)

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            report = None if self._stop.is_set() else fetch(self._address, FETCH_S)
            if self._stop.is_set() or (report and report.over):
                self.over.set()
                return


def main() -> int:
    """Run an evaluator with the settings of arguments and variables; return the exit code."""
    from a3c64.arguments import settings_of

    summary = "play with the newest weights now and then"
    return program.run("a3c64 evaluator", lambda: work(settings_of("evaluator", summary, sys.argv[1:])))


def work(settings: Settings) -> int:
    """Evaluate until SIGTERM or SIGINT, or until the run is over and its last weights are scored; return the exit code.

    Raises:
        BadInputError: the environment cannot be made, or the server refuses this evaluator.
    """
    logs.configure("evaluator", settings.log_level, settings.log_format)
    os.nice(NICENESS)
    stop = stop_on_signals()
    name = f"{socket.gethostname()}:{os.getpid()}"
    address = address_in(settings)
    client, heartbeat = connect(EvaluatorClient, address, name, stop)
    try:
        serve(client, heartbeat, address, settings.rom, stop)
    except StoppedError:
        return 0
    except DoneError as done:
        log.info("%s", done)
        return 0
    except RefusedError as error:
        raise BadInputError(str(error)) from None
    except GivenUpError as error:
        log.error("%s", error)
        return EXIT_CRASHED
    finally:
        heartbeat.stop()
        client.close()
    return 0


def serve(
    client: EvaluatorClient, heartbeat: Heartbeat, address: ServerAddress, rom: str, stop: threading.Event
) -> None:
    """Evaluate the server's run. Start again if the run changes."""
    hyperparameters = client.hello()
    heartbeat.start()
    while not stop.is_set():
        watch = OverWatch(address, stop)
        try:
            examine(client, hyperparameters, rom, stop, watch.over)
            return
        except RunChangedError:
            hyperparameters = client.start_over()
        finally:
            watch.close()


def examine(
    client: EvaluatorClient, hyperparameters: Hyperparameters, rom: str, stop: threading.Event, over: threading.Event
) -> None:
    """Play `eval_episodes` episodes every `eval_interval` seconds, and a last time when the run is over.

    Args:
        client: after its hello.
        hyperparameters: of the server's run.
        rom: path of an N64 ROM; empty = Open Kart.
        stop: when set, return as soon as possible.
        over: set when the run is over or `stop` is set.

    Raises:
        DoneError: the run is over and its last weights have been scored.
    """
    if hyperparameters.eval_interval == 0:
        log.info("nothing to evaluate: A3C64_EVAL_INTERVAL of this run is 0")
        return
    check(hyperparameters, rom)  # at once, because the first evaluation is minutes away
    played = varied(hyperparameters)
    due, scored = time.monotonic() + hyperparameters.eval_interval, (-1, -1)
    while not stop.is_set():
        if not over.is_set() and time.monotonic() < due:
            over.wait(min(LOOK_S, due - time.monotonic()))
            continue
        update = client.pull()
        due = max(due + hyperparameters.eval_interval, time.monotonic())
        if update is None or (update.version, update.step) == scored:
            stop.wait(LOOK_S)
            continue
        try:
            episodes = play(
                played,
                update.weights,
                hyperparameters.eval_episodes,
                rom,
                greedy=hyperparameters.eval_policy == "greedy",
                stop=stop if update.finished else over,
            )
        except ValueError as error:
            raise BadInputError(
                f"these weights do not fit this evaluator's {hyperparameters.env_id}: {error}"
            ) from None
        if stop.is_set() or (over.is_set() and not update.finished):
            continue  # the evaluation was cut short
        if client.score(update, episodes):
            scored = (update.version, update.step)


if __name__ == "__main__":
    sys.exit(main())
