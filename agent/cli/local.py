"""Local mode: server, workers and evaluator as child processes, restarted on crashes and ended in reverse order."""

import logging
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from subprocess import DEVNULL, Popen
from typing import Protocol

from a3c64.addresses import reachable
from a3c64.cli.next_steps import next_steps
from a3c64.cli.set_up import SetUp
from a3c64.cli.worker_processes import FETCH_S, WorkerProcesses
from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, BadInputError, Settings
from a3c64.policy import checkpoint
from a3c64.processes import spawn, typed_command
from a3c64.supervisor import RestartPolicy, Supervisor
from a3c64.wire.address import ServerAddress, key_file_in
from a3c64.wire.status import fetch

log = logging.getLogger(__name__)

SERVER_START_S = 120.0  # timeout; a start takes 4 s of a core, which a loaded machine may take a minute to give
SERVER_CRASHES = 5  # the run ends after this many crashes in a row without a new checkpoint
EVALUATOR_CRASHES = 6  # the run goes on without evaluations after this many in a row without a new one
SERVER_GRACE_S = 4.0  # this plus the workers' 4 s is less than the 10 s that a stop may take
FOLLOW_S = 25.0  # more, if a tracker or a command after the last checkpoint may take that long
LOOK_S = 0.2
ANSWER_S = 1.0


class Workers(Protocol):
    """The workers of a run: WorkerProcesses, or RayWorkers on other machines."""

    @property
    def crashed(self) -> bool:
        """Whether any worker has ever crashed."""

    def __len__(self) -> int:
        """Return the number of workers that are expected."""

    def tend(self) -> int | None:
        """Start workers, and restart them on crashes. Return an exit code if one has failed for good."""

    def close(self, others: Sequence[Popen]) -> None:
        """End the workers, and other children of this process at the same time."""


class LocalRun:
    """A run whose server is on this machine.

    Args:
        settings: of the run and its processes.
        ready: called once, when the server answers.
        elsewhere: makes workers on other machines, instead of processes of this one, from their settings and a function
            that returns whether the run is over.
    """

    def __init__(
        self,
        settings: Settings,
        ready: Callable[[], None] = lambda: None,
        elsewhere: Callable[[Settings, Callable[[], bool]], Workers] | None = None,
    ) -> None:
        self._settings, self._ready = settings, ready
        self._address = ServerAddress(reachable(settings.bind), key_file_in(settings))
        server = RestartPolicy(
            finished=lambda: True,
            fatal=(EXIT_BAD_INPUT, EXIT_FAILED),
            most_crashes=SERVER_CRASHES,
            progress=self._newest_checkpoint,
        )
        self._server = Supervisor("the server", self._start_server, server)
        self._children = settings.model_copy(update={"server": self._address.url})
        self._workers: Workers = (
            elsewhere(self._children, self._over)
            if elsewhere
            else WorkerProcesses(self._children, settings.workers, self._over, indexed=True)
        )
        self._evaluators: list[Supervisor] = []  # at most one
        if settings.eval_interval:
            evaluator = RestartPolicy(
                finished=lambda: True,
                fatal=(EXIT_BAD_INPUT,),
                most_crashes=EVALUATOR_CRASHES,
                progress=self._evaluations,
            )
            self._evaluators = [Supervisor("the evaluator", self._start_evaluator, evaluator)]

    def run(self, stop: threading.Event) -> int:
        """Run until stopped or finished; return the exit code. All children are ended, also after an exception."""
        try:
            code = self._begin(stop)
            if code is None and not stop.is_set():
                self._ready()
            set_up = SetUp(self._address, len(self._workers))
            with closing(set_up):
                while code is None and not stop.wait(LOOK_S):
                    code = self._tend()
                    set_up.look()
        finally:
            evaluators = [one.child for one in self._evaluators if one.child]
            self._workers.close(evaluators)
            follow = self._settings.track != "none" or self._settings.checkpoint_command
            self._server.close(SERVER_GRACE_S + (FOLLOW_S if follow else 0.0))
        if code is None:  # stopped; the server's exit code says whether all was saved
            code = self._server.child.returncode if self._server.child is not None else 0
            if code in (-signal.SIGTERM, 128 + signal.SIGTERM):  # it was still starting, with nothing to save
                code = 0
        ended = self._server.final == 0 or self._workers.crashed
        if code == 0 and ended and not self._newest_checkpoint():  # else you stopped it before its first step
            log.error("%s: no step was learned", self._settings.env_id)
            code = EXIT_FAILED
        if code != EXIT_BAD_INPUT:
            again = shlex.join(["a3c64", *sys.argv[1:]])
            for line in next_steps(self._settings.run_dir, again, over=self._server.final == 0):
                log.info(line)
        return code if code in (0, EXIT_BAD_INPUT) else EXIT_FAILED

    def _begin(self, stop: threading.Event) -> int | None:
        """Start the server and wait until it answers. Return its exit code if it ends for good before that.

        Raises:
            BadInputError: it does not answer within SERVER_START_S.
        """
        deadline = time.monotonic() + SERVER_START_S
        while time.monotonic() < deadline and not stop.is_set():
            self._server.tend()
            if self._server.final is not None:
                return self._server.final
            report, child = fetch(self._address, timeout_s=LOOK_S), self._server.child
            if report and child and report.server.pid == child.pid:  # else another run's server answers here
                return None
        if stop.is_set():
            return None
        bind = self._settings.bind
        raise BadInputError(f"the parameter server did not answer at {bind} in {SERVER_START_S:.0f} s")

    def _tend(self) -> int | None:
        """Restart children that crashed. Return an exit code if the run is to end."""
        self._server.tend()
        if self._server.final is not None:
            return self._server.final
        code = self._workers.tend()
        for evaluator in self._evaluators:
            evaluator.tend()
        return code

    def _over(self) -> bool:
        """Return whether the run has reached its end. The server runs on until the last weights are evaluated, and may
        then end before it is asked."""
        deadline = time.monotonic() + FETCH_S
        while time.monotonic() < deadline:
            if self._server.child is not None and self._server.child.poll() == 0:
                return True
            if (report := fetch(self._address, timeout_s=ANSWER_S)) is not None:
                return bool(report.over)
        return False

    def _evaluations(self) -> object:
        """Return the number of evaluations; if the server does not answer, a new object each time."""
        report = fetch(self._address, timeout_s=FETCH_S)
        return object() if report is None else report.evaluation and report.evaluation.count

    def _newest_checkpoint(self) -> int | None:
        return next(iter(checkpoint.steps(self._settings.run_dir / checkpoint.CHECKPOINTS)), None)

    def _start_server(self) -> Popen:
        arguments = ["-m", "a3c64.paramserver", "--started-by", typed_command()]
        return spawn(arguments, self._settings.environment(), stdin=DEVNULL)

    def _start_evaluator(self) -> Popen:
        return spawn(["-m", "a3c64.worker.evaluator"], self._children.environment(), stdin=DEVNULL)
