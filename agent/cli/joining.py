"""Joining a run from another machine: `worker --join` starts workers with the link that `a3c64 join` prints there."""

import logging
import os
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from a3c64 import logs
from a3c64.addresses import TCP, Place, host, parse
from a3c64.cli.command import Parsed
from a3c64.cli.worker_processes import WorkerProcesses
from a3c64.config import BadInputError, Settings
from a3c64.files import write_new
from a3c64.processes import stop_on_signals
from a3c64.wire.address import ServerAddress, address_in
from a3c64.wire.join_link import MOST, JoinLink
from a3c64.wire.report import RunReport
from a3c64.wire.status import answers, fetch
from a3c64.wire.transport import RefusedKeyError

log = logging.getLogger(__name__)

STDIN = "-"
ASK_S = 5.0  # timeout of one question to the server
LOOK_S = 0.2
NEITHER = ("server", "key_file", "no_encryption", "worker_index")  # settings that the link replaces


def listening(settings: Settings, where: str | None) -> Settings:
    """Return the settings of a server that listens where --listen says.

    Raises:
        BadInputError: the value is not a host, or the server has no TCP port.
    """
    if where is None:
        return settings
    if not TCP.fullmatch(settings.bind):
        raise BadInputError(f"--listen: found --bind {settings.bind}, expected tcp:// with a port, or no --bind")
    try:
        place = Place(host(where), parse(settings.bind.removeprefix("tcp://")).port)
    except ValueError as error:
        raise BadInputError(f"--listen: found {where!r}, expected {error}") from None
    return settings.model_copy(update={"bind": f"tcp://{place}"})


def join(settings: Settings, parsed: Parsed) -> int:
    """Run workers for a run on another machine until the run is over or a signal arrives; return the exit code.

    Raises:
        BadInputError: the link is wrong, the server refuses its key, or it is of another release.
    """
    if twice := [name for name in NEITHER if name in parsed]:
        raise BadInputError(f"--join names the server and its key: leave out --{twice[0].replace('_', '-')}")
    link = _link(parsed["join"])
    count = settings.workers if "workers" in settings.model_fields_set else len(os.sched_getaffinity(0))
    stop = stop_on_signals()
    logs.configure("join", settings.log_level, settings.log_format)
    with tempfile.TemporaryDirectory(prefix="a3c64-join-") as folder:  # only this user can enter it
        key_file = Path(folder) / "key"
        write_new(key_file, f"{link.key.text()}\n".encode())
        told: dict[str, object] = {"server": link.url, "key_file": key_file, "no_encryption": False}
        if "compression" not in settings.model_fields_set:  # between machines, bytes are scarcer than CPU time
            told["compression"] = "4bit"
        if "run_dir" not in settings.model_fields_set:  # there is no place for replays
            told |= {"run_dir": Path(folder), "replays_mb": 0}
        return _work(settings.model_copy(update=told), count, stop)


def _link(given: str) -> JoinLink:
    """Return the link that was given, or that standard input has.

    Raises:
        BadInputError: it is not a link.
    """
    text = sys.stdin.readline(MOST) if given == STDIN else given
    try:
        return JoinLink.of(text.strip().removeprefix("a3c64 worker --join "))
    except ValueError as error:
        raise BadInputError(f"--join: {error}") from None


def _work(settings: Settings, count: int, stop: threading.Event) -> int:
    report = _wait_for_server(address_in(settings), stop)
    if report is None:
        return 0
    if report.over:
        log.info("nothing to do for the run %s: %s", report.run, report.over)
        return 0
    with_them = f"{count} worker{'s' * (count != 1)}"
    log.info("joining the run %s (%s) with %s; Ctrl-C leaves it", report.run, report.env_id, with_them)
    workers = WorkerProcesses(settings, count, lambda: _over(address_in(settings)), indexed=False)
    try:
        while not stop.wait(LOOK_S):
            if (code := workers.tend()) is not None:
                return code
            if workers.done:
                log.info("the run is over")
                return 0
    finally:
        workers.close()
    return 0


def _wait_for_server(address: ServerAddress, stop: threading.Event) -> RunReport | None:
    """Ask until the server answers, and return its report; None if a signal arrived before.

    Raises:
        BadInputError: the server refuses the key, or is of another release.
    """
    said = None
    try:
        with closing(answers(address, ASK_S, stop)) as all_answers:
            for report, problem in all_answers:
                if report is not None:
                    return report
                if problem != said:
                    said = problem
                    more = (
                        f": {problem}" if problem else "; is it running, and does a firewall let this machine through?"
                    )
                    log.warning("no server answers at %s yet%s", address.url, more)
    except RefusedKeyError:
        raise BadInputError(
            f"--join: the server at {address.url} refuses the key of this link, which may be revoked: `a3c64 keys` "
            "prints the present link on the server's machine"
        ) from None
    return None


def _over(address: ServerAddress) -> bool:
    """Return whether the run is over. A worker that ends with 0 was told so, and the server may have ended since."""
    report = fetch(address, ASK_S)
    return report is None or bool(report.over)
