"""How a program of ours begins and ends: one line instead of a traceback, and the exit code.

Imports next to nothing, so that signals are handled from the start.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

EXIT_STOPPED = 130  # as a shell counts a program that Ctrl-C ended
EXIT_NO_READER = 141  # and one that SIGPIPE ended
# An OSError of these kinds is about the user's disk or folder, wherever it comes from.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}


def run(name: str, work: Callable[[], int]) -> int:
    """Do a program's work and return its exit code: 2 with one line on standard error for bad input.

    Until the work calls `processes.stop_on_signals`, Ctrl-C ends the process at once with one line, SIGTERM without.

    Args:
        name: what the line begins with, such as "a3c64 eval".
        work: imports what it needs, and returns the exit code.
    """
    leave_on_signals(name)
    from a3c64 import logs, output
    from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, BadInputError

    try:
        try:
            return work()
        finally:
            if sys.stdout is not None:  # it was closed when Python started
                sys.stdout.flush()
    except BadInputError as error:
        logs.refuse(name, error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:  # a library has put Python's own handler back
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
    """End this process at once when a signal asks for it. Nothing is unwound, so no library can print a traceback.

    For the time in which there is nothing to clean up: while modules are imported and arguments are read.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            after_echo = "\n" if os.isatty(2) else ""  # the terminal shows ^C
            with suppress(OSError):  # the terminal may be gone
                os.write(2, f"{after_echo}{name}: stopped\n".encode())
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
