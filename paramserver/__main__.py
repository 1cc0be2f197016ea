"""Run the parameter server: `python -m a3c64.paramserver`, or `a3c64 server`."""

import logging
import sys

from a3c64 import logs, program
from a3c64.config import EXIT_CRASHED, EXIT_FAILED, BadInputError, Settings

log = logging.getLogger("a3c64.paramserver")


STARTED_BY = "--started-by"  # followed by the command that the user typed; local mode gives it


def main() -> int:
    """Run a server with the settings of arguments and variables; return the exit code."""
    from a3c64.arguments import settings_of

    command, arguments = "", sys.argv[1:]
    if arguments[:1] == [STARTED_BY]:
        command, arguments = arguments[1], arguments[2:]
    summary = "share weights between workers"
    return program.run("a3c64 server", lambda: serve(settings_of("server", summary, arguments), command))


def serve(settings: Settings, command: str = "") -> int:
    """Serve until SIGTERM or SIGINT, or until the run is over; return the exit code, EXIT_FAILED if a save failed.

    Args:
        settings: of the server and the run.
        command: that the user typed; empty = the command line of this process.

    Raises:
        BadInputError: the address is taken or the run's folder cannot be used.
    """
    from a3c64.processes import allow_open_files, limit_threads, reuse_memory, stop_on_signals

    logs.configure("server", settings.log_level, settings.log_format)
    stop = stop_on_signals()
    limit_threads()
    reuse_memory()
    allow_open_files()
    from a3c64.paramserver.server import Server
    from a3c64.vnc import password

    password.check(password.path_of(settings))
    try:
        return 0 if Server(settings, command).serve(stop) else EXIT_FAILED
    except BadInputError:
        raise
    except Exception:
        log.exception("the server failed")
        return EXIT_CRASHED


if __name__ == "__main__":
    sys.exit(main())
