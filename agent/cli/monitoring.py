"""Following a run: status, watch."""

import argparse
import json

from a3c64 import logs
from a3c64.addresses import reachable
from a3c64.cli.command import Command, Parsed
from a3c64.config import BadInputError, Settings
from a3c64.wire.address import ServerAddress, address_in, key_file_in

STATUS_TIMEOUT_S = 5.0
EXIT_NO_ANSWER = 1


def add_status_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def status(settings: Settings, parsed: Parsed) -> int:
    """Print the status of a run; exit code 1 if no server answers."""
    from a3c64.wire.status import ask, text

    address = address_of(settings, parsed)
    report, problem = ask(address, STATUS_TIMEOUT_S)
    if report is None:
        hint = problem or "choose with --run-dir, --server or A3C64_SERVER"
        logs.refuse("a3c64 status", f"no server answers at {address.url} ({hint})")
        return EXIT_NO_ANSWER
    print(json.dumps(report.plain(), indent=2) if parsed["json"] else text(report))  # ASCII, so no terminal obeys it
    return 0


def add_watch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `watch`."""
    parser.add_argument("--show-password", action="store_true", help="print the screens' VNC password, and end")


def watch(settings: Settings, parsed: Parsed) -> int:
    """Show the live status of a run and of each worker; Ctrl-C ends it."""
    if parsed["show_password"]:
        from a3c64.vnc import password

        print(password.read(password.path_of(settings)))
        return 0
    address = address_of(settings, parsed)
    from a3c64.cli.watch import watch as show
    from a3c64.processes import stop_on_signals

    show(address, stop_on_signals())
    return 0


def address_of(settings: Settings, parsed: Parsed) -> ServerAddress:
    """Return the server's address and key: from the flags, else from the variables, else from the default run folder.

    In the server's own container, only the address that the server binds (A3C64_BIND) is set.

    Raises:
        BadInputError: both flags are given, or no server runs in the given run folder.
    """
    from a3c64.wire import server_file

    if "server" in parsed and "run_dir" in parsed:
        raise BadInputError("--server and --run-dir both say where the server is: give one of them")
    if "server" in parsed:
        return address_in(settings)
    server = server_file.read(settings.run_dir)
    if "run_dir" in parsed and server is None:
        raise BadInputError(
            f"--run-dir: no server runs in {settings.run_dir} ({server_file.NAME} is not there); "
            f"`a3c64 train --run-dir {settings.run_dir}` starts one"
        )
    given = settings.model_fields_set
    if server and ("run_dir" in parsed or not given & {"server", "bind"}):
        address = server.address(settings.run_dir)
        return address._replace(key_file=key_file_in(settings)) if given & {"key_file", "no_encryption"} else address
    url = settings.server if "server" in given else reachable(settings.bind)
    return ServerAddress(url, key_file_in(settings))


COMMANDS = (Command("status", status, add_status_options), Command("watch", watch, add_watch_options))
