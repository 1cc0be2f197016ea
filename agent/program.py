"""Start and end of our programs: signals, exit codes, and one line instead of a traceback.

This module imports very little, so that signals are handled from the start.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

EXIT_STOPPED = 130  # a shell's exit code for a program that SIGINT ended: 128 + 2
EXIT_NO_READER = 141  # for one that SIGPIPE ended: 128 + 13
# An OSError of these kinds is a problem of the user's disk or folder, wherever it is raised.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}


def run(name: str, work: Callable[[], int]) -> int:
    """Do a program's work and return its exit code. Bad input gives exit code 2 and one line on standard error.

    Until the work calls `processes.stop_on_signals`, Ctrl-C ends the process at once with one line. SIGTERM ends it
    at once without a line.

    Args:
        name: the beginning of that line, such as "a3c64 eval".
        work: imports what it needs, and returns the exit code.
    """
    leave_on_signals(name)
    from a3c64 import logs, output
    from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, BadInputError

    try:
        try:
            return work()
        finally:
            if sys.stdout is not None:  # None: it was closed when Python started
                sys.stdout.flush()
    except BadInputError as error:
        logs.refuse(name, error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:  # a library has restored Python's own handler
        logs.refuse(name, "stopped")
        return EXIT_STOPPED
    except output.UnwritableError as error:
        output.abandon(sys.stdout)
        if error.errno == errno.EPIPE:  # as after `a3c64 eval | head`
            return EXIT_NO_READER
        logs.refuse(name, f"standard output cannot be written: {error.strerror}")
        return EXIT_FAILED
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        logs.refuse(name, f"{error.filename or 'a file'}: {error.strerror}")
        return EXIT_BAD_INPUT


def leave_on_signals(name: str) -> None:
    """End this process at once on SIGINT or SIGTERM. The stack is not unwound, so no library can print a traceback.

    Use this while there is nothing to clean up: while modules are imported and arguments are parsed.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            after_echo = "\n" if os.isatty(2) else ""  # the terminal has printed ^C on this line
            with suppress(OSError):  # the terminal may be gone
                os.write(2, f"{after_echo}{name}: stopped\n".encode())
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
