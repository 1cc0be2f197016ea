"""Exceptions of an environment's own code, each as one line: what raised it, and where."""

import os
import re
import site
import sysconfig
import traceback

from a3c64.config import BadInputError, named

OLD = (
    "this is the interface of Gym before 0.26: reset must take seed and return (observation, info), "
    "step must return (observation, reward, terminated, truncated, info)"
)
# What Python says if a caller of the new interface meets the old one, or if an old environment calls itself.
OLD_SIGNS = re.compile(r"unexpected keyword argument '(seed|options)'|\(expected 5, got 4\)|too many values to unpack")
LIBRARIES = tuple(
    os.path.realpath(folder)
    for folder in (*site.getsitepackages(), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
)
HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # our own code


class FailedError(BadInputError):
    """The environment raised an exception before its first step. If the run has worked before, a restart may help."""


class GivenUpError(RuntimeError):
    """The environment failed too often in a row. Some episodes had ended normally before, so a restart may help."""


def failed(environment: str, method: str, error: BaseException) -> FailedError:
    """Return the error for the user when a method of an environment raises an exception."""
    said = place_of(error)
    hint = f"; {OLD}" if OLD_SIGNS.search(str(error)) else ""
    return FailedError(f"{named('env_id')}: {environment}: {method} raised {said}{hint}")


def place_of(error: BaseException) -> str:
    """Return an exception as one line: its type, its message, and the last line of the user's own code."""
    said = " ".join(str(error).split())
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError):  # its message names the line
        return text
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    if not own and not frames:
        return text
    frame = (own or frames)[-1]
    return f"{text} ({os.path.basename(frame.filename)}, line {frame.lineno})"


def is_about_the_rom(error: BaseException) -> bool:
    """Return whether n64gym refuses a ROM. Its own message is for the user."""
    return any(kind.__name__ == "RomError" for kind in type(error).__mro__)


def _is_library(file: str) -> bool:
    path = os.path.realpath(file)
    return file.startswith("<") or path.startswith((*LIBRARIES, HERE)) or f"{os.sep}site-packages{os.sep}" in path
