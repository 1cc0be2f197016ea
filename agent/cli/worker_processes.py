"""Worker processes of one machine: started together, restarted on crashes, ended together."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from subprocess import DEVNULL, Popen

from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, Settings, variable
from a3c64.processes import end, spawn
from a3c64.supervisor import RestartPolicy, Supervisor
from a3c64.wire.address import address_in
from a3c64.wire.status import fetch

CRASHES = 6  # a worker is given up after this many crashes in a row in which no worker of the run learns a step
BACKOFF_MAX_S = 30.0
GRACE_S = 4.0  # until a worker that was asked to end is killed
FETCH_S = 5.0  # timeout; the server may be saving


class WorkerProcesses:
    """The supervised workers of this machine.

    Args:
        settings: of the workers; `server` and the key say which run they join.
        count: number of workers.
        finished: called when a worker ends with exit code 0; returns whether the run is over.
        indexed: worker k asks the server for the index k. Otherwise it gets the lowest free one.
    """

    def __init__(self, settings: Settings, count: int, finished: Callable[[], bool], indexed: bool) -> None:
        self._settings, self._indexed = settings, indexed
        policy = RestartPolicy(
            finished=finished,
            fatal=(EXIT_BAD_INPUT,),
            backoff_max_s=BACKOFF_MAX_S,
            most_crashes=CRASHES,
            progress=self._steps,
        )
        name = "worker {}" if indexed else "worker process {}"
        self._workers = [
            Supervisor(name.format(number), partial(self._start, number), policy) for number in range(count)
        ]

    def __len__(self) -> int:
        return len(self._workers)

    def tend(self) -> int | None:
        """Restart workers that crashed. Return an exit code if one has failed for good; it has printed why."""
        for worker in self._workers:
            worker.tend()
            if worker.final:  # a restart would fail in the same way
                return EXIT_BAD_INPUT if worker.final == EXIT_BAD_INPUT else EXIT_FAILED
        return None

    @property
    def children(self) -> list[Popen]:
        """The processes that were started last."""
        return [worker.child for worker in self._workers if worker.child]

    def close(self, others: Sequence[Popen] = ()) -> None:
        """End the workers, and other children of this process at the same time."""
        end([*self.children, *others], GRACE_S)

    @property
    def crashed(self) -> bool:
        """Whether any worker has ever crashed."""
        return any(worker.crashes for worker in self._workers)

    @property
    def done(self) -> bool:
        """Whether all workers have ended because the run is over."""
        return all(worker.final == 0 for worker in self._workers)

    def _steps(self) -> object:
        """Return the steps that the run has learned; if the server does not answer, a new object each time."""
        report = fetch(address_in(self._settings), timeout_s=FETCH_S)
        return object() if report is None else report.steps

    def _start(self, number: int) -> Popen:
        """Start a worker, with its VNC port if there are displays."""
        own = {variable("worker_index"): str(number if self._indexed else -1)}
        if self._settings.vnc_port:
            own[variable("vnc_port")] = str(self._settings.vnc_port + number)
        child = spawn(["-m", "a3c64.worker"], self._settings.environment() | own, stdin=DEVNULL)
        self._keep_together(child.pid, number)
        return child

    def _keep_together(self, pid: int, number: int) -> None:
        """Pin each worker and its emulators to one core, unless there are more cores than workers.

        A worker and its emulators run one after another. On one core their caches stay warm, which is 12 % faster.
        With more cores than workers, emulators run in parallel on the spare cores.
        """
        cores = sorted(os.sched_getaffinity(0))
        if len(self._workers) >= len(cores):
            with suppress(ProcessLookupError):  # it has ended already
                os.sched_setaffinity(pid, {cores[number % len(cores)]})
