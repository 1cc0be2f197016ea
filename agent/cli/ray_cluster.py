"""`a3c64 train --ray`: workers on the nodes of a Ray cluster. The server runs on this node; messages are ZeroMQ's."""

import importlib.util
import logging
import re
import socket
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from subprocess import Popen
from typing import Any, NamedTuple

from a3c64.addresses import LOOPBACK, TCP, is_loopback, parse
from a3c64.cli import ray_node
from a3c64.cli.worker_processes import CRASHES, FETCH_S, GRACE_S
from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, BadInputError, Settings, ray_address, variable
from a3c64.processes import end
from a3c64.wire import keys
from a3c64.wire.address import address_in, key_file_in
from a3c64.wire.status import fetch

log = logging.getLogger(__name__)

AUTO = "auto"  # the cluster that this machine belongs to
PLACE = re.compile(r"(?P<host>[^/:\s\[\]]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
MOST_WORKERS = 1024  # as the setting
REACH_S = 5.0  # timeout. Ray itself tries for minutes and prints a line every few seconds
LOOK_S = 1.0  # interval of asking Ray about its tasks
RETRY_S = 5.0  # before a worker that failed is started again
COUNT_S = 5.0  # interval of counting the workers
COUNT_TIMEOUT_S = 1.0
FEW_S = 30.0  # after this time with fewer workers than the least number, a warning
HANDED_ON = ("rom", "hang_timeout", "log_level", "log_format")  # settings of the workers


class Cluster(NamedTuple):
    """The Ray cluster that this process is connected to."""

    host: str  # the address at which its nodes reach this one
    cpus: int  # of all its nodes, now


def check(address: str, settings: Settings) -> None:
    """Check what --ray needs, without starting Ray in this process.

    Raises:
        BadInputError: Ray is not installed, the address is wrong or nobody listens there, or a setting does not fit.
    """
    if importlib.util.find_spec("ray") is None:
        raise BadInputError('--ray: the package ray is not installed; type `pip install "a3c64[ray]"`')
    if settings.vnc_port:
        raise BadInputError("--vnc-port: workers of a Ray cluster have no screens; leave it out")
    if not TCP.fullmatch(settings.bind):
        raise BadInputError(f"--bind: found {settings.bind}, expected tcp:// with a port, because nodes connect to it")
    if settings.no_encryption:
        raise BadInputError("--no-encryption: works on one machine only; leave it out with --ray")
    address = address or ray_address() or AUTO
    if address == AUTO:
        return
    match = PLACE.fullmatch(address)
    if not match or int(match["port"]) > 65535:
        raise BadInputError(
            f"--ray: found {address}, expected HOST:PORT of the cluster's head, or no value on a node of the cluster"
        )
    try:
        socket.create_connection(parse(address), REACH_S).close()
    except OSError as error:
        raise BadInputError(
            f"--ray: no Ray cluster answers at {address}: {error.strerror or error}; `ray start --head` starts one"
        ) from None


def connect(address: str) -> Cluster:
    """Connect this process to a cluster. This starts threads.

    Raises:
        BadInputError: there is no cluster, or this machine is not one of its nodes.
    """
    import ray

    try:
        ray.init(address=address or AUTO, logging_level=logging.WARNING)
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise BadInputError(
            f"--ray: {said:.300}: run this command on a node of a Ray cluster; `ray start --head` makes one"
        ) from None
    return Cluster(ray.util.get_node_ip_address(), int(ray.cluster_resources().get("CPU", 0)))


def serving(settings: Settings, cluster: Cluster) -> Settings:
    """Return the settings of a run whose server the cluster's nodes reach, by default with a worker for each CPU."""
    told: dict[str, object] = {}
    place = parse(settings.bind.removeprefix("tcp://"))
    if is_loopback(place.host):  # other nodes do not reach it
        told["bind"] = f"tcp://{place._replace(host=cluster.host)}"
    if "workers" not in settings.model_fields_set:
        told["workers"] = max(1, min(cluster.cpus, MOST_WORKERS))
    return settings.model_copy(update=told)


def variables_of(settings: Settings, host: str) -> dict[str, str]:
    """Return the settings of a worker on another node, as A3C64_* variables. It records no replays.

    Args:
        settings: of the run.
        host: the address of this node for the others.
    """
    place = parse(settings.bind.removeprefix("tcp://"))
    if place.host in LOOPBACK:  # the server binds all addresses
        place = place._replace(host=host)
    told = {name: getattr(settings, name) for name in HANDED_ON} | {"server": f"tcp://{place}", "replays_mb": 0}
    return {variable(name): str(value) for name, value in told.items()}


class RayWorkers:
    """The workers on a cluster. Each is a Ray task with one CPU; Ray chooses its node.

    Tasks without a free CPU wait in Ray's queue, where an autoscaler sees them. If a node dies, its tasks are submitted
    again.

    Args:
        host: the address of this node for the others.
        least: with fewer workers, a warning is logged.
        settings: of the workers; `bind` and the key say which run they join.
        finished: called when a worker ends with exit code 0; returns whether the run is over.
    """

    def __init__(self, host: str, least: int, settings: Settings, finished: Callable[[], bool]) -> None:
        import ray

        self._settings, self._least, self._finished = settings, least, finished
        self._variables = variables_of(settings, host)
        ray.cloudpickle.register_pickle_by_value(ray_node)
        task = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(ray_node.work)
        self._task = task.options(name="a3c64 worker")
        self._tasks: list[Any] = []  # references to the results of tasks that wait or run
        self._due = [0.0] * settings.workers  # when each of the other workers is to be submitted
        self._look_at = self._count_at = 0.0
        self._began: int | None = None  # steps of the run when it was counted first
        self._failed_at: int | None = None  # steps of the run at the newest failure
        self._failures = 0  # in a row, in which no worker of the run learned a step
        self._enough_at = time.monotonic()
        self._few = False
        self.crashed = False

    def __len__(self) -> int:
        return self._least

    def tend(self) -> int | None:
        """Submit workers again that ended too early. Return an exit code if a restart would fail in the same way."""
        import ray

        now = time.monotonic()
        if now < self._look_at:
            return None
        self._look_at = now + LOOK_S
        if now >= self._count_at:
            self._count_at = now + COUNT_S
            self._count(now)
        if self._tasks:
            ended, self._tasks = ray.wait(self._tasks, num_returns=len(self._tasks), timeout=0)
            for task in ended:
                if (code := self._ended(task, now)) is not None:
                    return code
        count = sum(when <= now for when in self._due)
        self._due = [when for when in self._due if when > now]
        self._tasks += [self._submit() for _ in range(count)]
        return None

    def close(self, others: Sequence[Popen]) -> None:
        """End the workers, and other children of this process, and leave the cluster."""
        import ray

        for task in self._tasks:
            ray.cancel(task)
        end(others, GRACE_S)
        if self._tasks:
            _, left = ray.wait(self._tasks, num_returns=len(self._tasks), timeout=GRACE_S + ray_node.LOOK_S)
            for task in left:
                ray.cancel(task, force=True)
        ray.shutdown()

    def _submit(self) -> Any:
        """Submit a worker with the present key, which `a3c64 keys --revoke` may have replaced."""
        key_file = key_file_in(self._settings)
        key = keys.read(key_file) if key_file else None
        assert key is not None, "the server writes it before the first worker starts"
        return self._task.remote(version("a3c64"), key.text(), self._variables)

    def _ended(self, task: Any, now: float) -> int | None:
        """Decide whether a worker that has ended starts again. Return an exit code if it would fail in the same way."""
        import ray

        try:
            ended = ray_node.Ended(*ray.get(task))
        except ray.exceptions.RayError as error:
            log.warning("a worker's node or process is gone (%s); the worker starts again", type(error).__name__)
            self._due.append(now)
            return None
        if ended.code == 0 and self._finished():
            return None
        self.crashed = True
        log.error("a worker on %s ended with code %d: %s", ended.node, ended.code, ended.why)
        report = fetch(address_in(self._settings), FETCH_S)
        steps = report.steps if report else None
        self._failures = self._failures + 1 if steps == self._failed_at else 1
        self._failed_at = steps
        if ended.code == EXIT_BAD_INPUT and steps == self._began:
            return EXIT_BAD_INPUT
        if self._failures == CRASHES:
            return EXIT_FAILED
        self._due.append(now + RETRY_S)
        return None

    def _count(self, now: float) -> None:
        """Log when there have been too few workers for some time, and when there are enough again."""
        report = fetch(address_in(self._settings), COUNT_TIMEOUT_S)
        if report is None or report.over:
            return
        if self._began is None:
            self._began = report.steps
        count = len(report.workers)
        if count >= self._least:
            self._enough_at = now
            if self._few:
                log.info("%d workers run", count)
            self._few = False
        elif not self._few and now > self._enough_at + FEW_S:
            self._few = True
            log.warning(
                "%d workers run, expected at least %d: the others wait for free CPUs of the cluster", count, self._least
            )
