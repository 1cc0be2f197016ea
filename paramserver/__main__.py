"""Run the parameter server: `python -m a3c64.paramserver`, or `a3c64 server`."""

import argparse
import logging
import sys
from collections.abc import Sequence

from a3c64 import logs
from a3c64.config import EXIT_BAD_INPUT, EXIT_CRASHED, BadInputError, add_flags, load, parse
from a3c64.processes import allow_open_files, limit_threads, reuse_memory, stop_on_signals

log = logging.getLogger("a3c64.paramserver")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, or until the run has taken its steps; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="a3c64 server", description="share weights between workers", allow_abbrev=False
    )
    add_flags(parser)
    try:
        settings = load(vars(parse(parser, sys.argv[1:] if arguments is None else arguments)))
        logs.configure("server", settings.log_level, settings.log_format)
        stop = stop_on_signals()
        limit_threads()
        reuse_memory()
        allow_open_files()
        from a3c64.paramserver.server import Server

        Server(settings).serve(stop)
    except BadInputError as error:
        logs.refuse("a3c64 server", error)
        return EXIT_BAD_INPUT
    except Exception:
        log.exception("the server failed")
        return EXIT_CRASHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
