"""Running and looking after a run: train, server, worker, evaluator, status, watch."""

import logging
from typing import Any

from a3c64 import logs
from a3c64.cli.command import parser_of
from a3c64.config import BadInputError, Settings, add_flags, load, parse

log = logging.getLogger(__name__)

STATUS_TIMEOUT_S = 5.0


def train(arguments: list[str]) -> int:
    """Train on this machine: parameter server, TensorBoard and workers as child processes."""
    parser = parser_of("train", train)
    add_flags(parser)
    settings = load(vars(parse(parser, arguments)))
    if settings.deterministic and settings.workers != 1:
        raise BadInputError(
            f"--workers: found {settings.workers}, expected 1 with --deterministic: gradients of several workers "
            "arrive in an order that nobody can repeat; give --workers 1"
        )
    from a3c64.cli.local import LocalRun
    from a3c64.processes import stop_on_signals

    stop = stop_on_signals()
    logs.configure("local", settings.log_level, settings.log_format)
    log.info("%s: %d workers, run folder %s; Ctrl-C stops", settings.env_id, settings.workers, settings.run_dir)
    if settings.tensorboard_port:
        log.info("TensorBoard: http://%s:%d/", settings.tensorboard_host, settings.tensorboard_port)
    if settings.web_port:
        log.info("workers' screens and the run's figures: http://%s:%d/", settings.web_host, settings.web_port)
    if settings.vnc_port:
        last = settings.vnc_port + max(0, settings.workers - 1)
        log.info("VNC: %s, ports %d to %d", settings.vnc_host, settings.vnc_port, last)
    return LocalRun(settings).run(stop)


def server(arguments: list[str]) -> int:
    """Run the parameter server alone."""
    from a3c64.paramserver.__main__ import main

    return main(arguments)


def worker(arguments: list[str]) -> int:
    """Run one worker."""
    from a3c64.worker.__main__ import main

    return main(arguments)


def evaluator(arguments: list[str]) -> int:
    """Run an evaluator: greedy episodes with the newest weights now and then."""
    from a3c64.worker.evaluator import main

    return main(arguments)


def status(arguments: list[str]) -> int:
    """Ask a server how its run is doing; exit code 1 if none answers."""
    parser = parser_of("status", status)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    from a3c64.wire.status import fetch, text

    address = _address(settings, parsed)
    report = fetch(address, STATUS_TIMEOUT_S)
    if report is None:
        hint = "choose with --run-dir, --server or A3C64_SERVER"
        logs.refuse("a3c64 status", f"no server answers at {address} ({hint})")
        return 1
    print(report.model_dump_json(indent=2) if parsed["json"] else text(report))
    return 0


def watch(arguments: list[str]) -> int:
    """Show how a run and each of its workers are doing, live; Ctrl-C ends it."""
    parser = parser_of("watch", watch)
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    from a3c64.cli.watch import watch as show
    from a3c64.processes import stop_on_signals

    show(_address(settings, parsed), stop_on_signals())
    return 0


def _address(settings: Settings, parsed: dict[str, Any]) -> str:
    """Return where the server is: as the flags say, else the variables, else the default run folder.

    Beside a server, in a container, only the address that it binds is known.
    """
    from a3c64.wire import server_file
    from a3c64.wire.status import connect_address

    if "server" in parsed and "run_dir" in parsed:
        raise BadInputError("--server and --run-dir both say where the server is: give one of them")
    if "server" in parsed:
        return settings.server
    server = server_file.read(settings.run_dir)
    if "run_dir" in parsed:
        if server is None:
            raise BadInputError(
                f"--run-dir: no server runs in {settings.run_dir} ({server_file.NAME} is not there); "
                f"`a3c64 train --run-dir {settings.run_dir}` starts one"
            )
        return connect_address(server.bind)
    given = settings.model_fields_set
    if "server" in given:
        return settings.server
    return connect_address(server.bind if server and "bind" not in given else settings.bind)
