"""The ways to start a ROM, tried in order until the ROM shows its first picture."""

from __future__ import annotations

import signal
from typing import NamedTuple

RECOMPILER, INTERPRETER = 2, 0  # the core's R4300Emulator
HANG = '; if it hangs again at the same moment, pass console={"processor": "interpreter"}, which is slower'
# https://github.com/mupen64plus/mupen64plus-core, pull request 1111 and issue 1185
LIBDRAGON = (
    "the ROM does not start: it has the boot code (IPL3) of libdragon since 2024, which mupen64plus 2.5.9 (Debian 12) "
    "and 2.6.0 (Debian 13) cannot run; build the game with an older libdragon"
)
CRASHES = {-signal.SIGSEGV, -signal.SIGILL, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGABRT, -signal.SIGTRAP}


class Way(NamedTuple):
    """How the core runs a ROM."""

    name: str  # as in Console.processor
    cpu: int  # RECOMPILER or INTERPRETER
    force_video: bool  # switch the video on for the ROM, because steps end at VIs and a ROM without video has none
    silent_cpu_s: float | None  # processor time without a VI after which the next way is tried; None = wait on
    warning: str  # of the ROM whose name precedes it


WAYS = (
    Way("recompiler", RECOMPILER, False, 2.0, ""),
    Way(
        "interpreter",
        INTERPRETER,
        False,
        5.0,
        "does not start in the recompiler, so n64gym runs it in the interpreter: slowly",
    ),
    Way(
        "interpreter+video",
        INTERPRETER,
        True,
        None,
        "did not switch on its video, so n64gym did: it runs slowly",
    ),
)

_ways: dict[str, int] = {}  # a ROM's SHA-1 -> index of the way that worked in this process


def ways(sha1: str, processor: str) -> list[tuple[int, Way]]:
    """Return the ways to try for a ROM, with their indices. The way that has worked before comes first.

    processor: as in Console. If it names a way, only this one is tried, without a limit and without a warning.
    """
    chosen = [(index, way) for index, way in enumerate(WAYS) if way.name == processor]
    if chosen:
        return [(index, way._replace(silent_cpu_s=None, warning="")) for index, way in chosen]
    return list(enumerate(WAYS))[_ways.get(sha1, 0) :]


def remember(sha1: str, index: int) -> None:
    """Remember the way that has worked for a ROM, so that its next start does not try the others first."""
    _ways[sha1] = index
