"""Local mode: server, workers and evaluator as child processes, ended in reverse order, restarted when they crash."""

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL, Popen

from a3c64.config import EXIT_BAD_INPUT, BadInputError, Settings, variable
from a3c64.processes import end, spawn, sweep
from a3c64.supervisor import Supervisor
from a3c64.wire.status import connect_address, fetch

log = logging.getLogger(__name__)

SERVER_START_S = 30.0  # it takes one; a loaded machine takes longer
BACKOFF_S = 1.0  # before a crashed worker is started again; doubles up to
BACKOFF_MAX_S = 30.0
STABLE_S = 60.0  # a worker that ran this long starts the backoff anew
WORKERS_GRACE_S = 4.0  # with the server's 4, below the 10 s a stop may take
SERVER_GRACE_S = 4.0
LOOK_S = 0.2


@dataclass
class WorkerSlot:
    """One worker that should be running."""

    number: int
    process: Popen | None = None
    started: float = 0.0
    due: float = 0.0  # when to start it (again)
    backoff: float = BACKOFF_S
    crashes: int = 0


@dataclass
class LocalRun:
    """A run on this machine."""

    settings: Settings
    server: Popen | None = None
    slots: list[WorkerSlot] = field(default_factory=list)
    evaluator: Supervisor | None = None

    def run(self, stop: threading.Event) -> int:
        """Run until stopped or finished; return the exit code. Nothing is left running, however this ends."""
        try:
            code = self._start_server(stop)
            if code is None:
                self.slots = [WorkerSlot(number) for number in range(self.settings.workers)]
                if self.settings.eval_interval:
                    self.evaluator = Supervisor("the evaluator", self._evaluate, may_finish=True)
                code = self._watch(stop)
            return code
        finally:
            children = [slot.process for slot in self.slots]
            children.append(self.evaluator.child if self.evaluator else None)
            end([child for child in children if child], WORKERS_GRACE_S)
            if self.server is not None:
                end([self.server], SERVER_GRACE_S)

    def _start_server(self, stop: threading.Event) -> int | None:
        """Start the server and wait until it answers; return an exit code if that is the end of it."""
        self.server = spawn(["-m", "a3c64.paramserver"], self.settings.environment(), stdin=DEVNULL)
        deadline = time.monotonic() + SERVER_START_S
        while time.monotonic() < deadline:
            if stop.is_set():
                return 0
            if self.server.poll() is not None:
                return self.server.returncode
            report = fetch(connect_address(self.settings.bind), timeout_s=LOOK_S)
            if report is not None and report.server.pid == self.server.pid:  # not somebody else's server
                return None
        raise BadInputError(f"the parameter server did not answer at {self.settings.bind} in {SERVER_START_S:.0f} s")

    def _watch(self, stop: threading.Event) -> int:
        """Keep the workers running until there is a reason to end."""
        assert self.server is not None
        while not stop.wait(LOOK_S):
            if self.server.poll() is not None:
                if self.server.returncode:
                    log.error("the parameter server ended with code %d", self.server.returncode)
                return self.server.returncode
            for slot in self.slots:
                if self._tend(slot) == EXIT_BAD_INPUT:
                    return EXIT_BAD_INPUT  # the worker has said why; starting it again would say it again
            if self.evaluator is not None:
                self.evaluator.tend()
        return 0

    def _tend(self, slot: WorkerSlot) -> int | None:
        """Start a worker that is due, notice one that ended; return its exit code if it just did."""
        now = time.monotonic()
        if slot.process is None:
            if now >= slot.due:
                slot.process, slot.started = spawn(["-m", "a3c64.worker"], self._environment(slot), stdin=DEVNULL), now
                self._keep_together(slot.process.pid, slot.number)
            return None
        code = slot.process.poll()
        if code is None:
            return None
        sweep(slot.process)  # emulators and displays of a worker that was killed
        slot.process = None
        if code == 0:  # the run is over, and the server will end after the last evaluation; or somebody stopped it
            report = fetch(connect_address(self.settings.bind), timeout_s=1.0)
            slot.due = float("inf") if report is None or report.over else now + BACKOFF_MAX_S
            return code
        if now - slot.started > STABLE_S:
            slot.backoff = BACKOFF_S
        slot.crashes += 1
        slot.due = now + slot.backoff
        if code != EXIT_BAD_INPUT:
            text = "worker process %d ended with code %d (%d so far), starting it again in %.0f s"
            log.warning(text, slot.number, code, slot.crashes, slot.backoff)
        slot.backoff = min(2.0 * slot.backoff, BACKOFF_MAX_S)
        return code

    def _keep_together(self, pid: int, number: int) -> None:
        """Where workers leave no core over, keep each worker and its emulators on one: caches stay warm, 12 % faster.

        They run one after another anyhow. Where there are more cores than workers, emulators spread over them.
        """
        cores = sorted(os.sched_getaffinity(0))
        if len(self.slots) >= len(cores):
            with suppress(ProcessLookupError):  # it has ended already
                os.sched_setaffinity(pid, {cores[number % len(cores)]})

    def _evaluate(self) -> Popen:
        server = {variable("server"): connect_address(self.settings.bind)}
        return spawn(["-m", "a3c64.worker.evaluator"], self.settings.environment() | server, stdin=DEVNULL)

    def _environment(self, slot: WorkerSlot) -> dict[str, str]:
        """Return a worker's settings: the server's address, and a VNC port of its own."""
        settings = self.settings
        own = {variable("server"): connect_address(settings.bind)}
        if settings.vnc_port:
            own[variable("vnc_port")] = str(settings.vnc_port + slot.number)
        return settings.environment() | own
