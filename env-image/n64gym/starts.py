"""Start states: the savestates at which episodes begin. Each is made once and kept in this process and on disk.

A file has one line of JSON (a description of the state, and the hash of the rest), then State.data(). Files are written
atomically. A damaged file counts as missing.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from n64gym.files import write_whole
from n64gym.machine.state import State

FORMAT = 2
STATES_IN_MEMORY = 16  # 17 MB each, shared by all environments of this process
FILES = 256  # a few hundred KB each for Open Kart, a few MB for large games; the oldest are deleted


class Start(NamedTuple):
    """A start state."""

    state: State
    sha256: str  # of State.data()


_in_memory: OrderedDict[tuple[Path | None, str], Start] = OrderedDict()


def default_folder() -> Path | None:
    """Return the user's cache folder, $XDG_CACHE_HOME or ~/.cache. Warns and returns None if there is no home
    folder."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "n64gym"
    except RuntimeError:  # happens in a container with an arbitrary user id
        warnings.warn(
            f"start states are not kept: HOME is not set, and user id {os.getuid()} has no home folder; each process "
            "makes new ones. Set XDG_CACHE_HOME, or name a folder with cache=",
            stacklevel=2,
        )
        return None


class Starts:
    """The start states of one game and ROM. folder: None keeps them in this process only."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, what: dict[str, Any]) -> Start | None:
        """Return the start state described by `what` (JSON), or None."""
        key = (self._folder, key_of(what))
        start = _in_memory.get(key) or self._read(key[1])
        if start is not None:
            self._remember(key, start)
        return start

    def keep(self, what: dict[str, Any], state: State) -> Start:
        """Keep `state` under the description `what`. Warns if the folder cannot be written."""
        key = (self._folder, key_of(what))
        data = state.data()
        start = Start(state, hashlib.sha256(data).hexdigest())
        self._remember(key, start)
        if self._folder is not None:
            try:
                self._write(key[1], {"format": FORMAT, "sha256": start.sha256, "start": what}, data)
            except OSError as error:
                warnings.warn(
                    f"start states cannot be kept in {self._folder}: {error.strerror}; each process makes new ones. "
                    "Name another folder with cache=, or cache=False",
                    stacklevel=2,
                )
                self._folder = None
        return start

    def forget(self, what: dict[str, Any]) -> None:
        """Delete a start state that does not match its description."""
        key = key_of(what)
        _in_memory.pop((self._folder, key), None)
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._path(key).unlink()

    def _remember(self, key: tuple[Path | None, str], start: Start) -> None:
        _in_memory[key] = start
        _in_memory.move_to_end(key)
        while len(_in_memory) > STATES_IN_MEMORY:
            _in_memory.popitem(last=False)

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{key}.start"

    def _read(self, key: str) -> Start | None:
        if self._folder is None:
            return None
        try:
            head, _, data = self._path(key).read_bytes().partition(b"\n")
            facts = json.loads(head)
            if facts["format"] == FORMAT and facts["sha256"] == hashlib.sha256(data).hexdigest():
                return Start(State.from_data(data), facts["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # damaged or missing: the caller makes a new one
        return None

    def _write(self, key: str, head: dict[str, Any], data: bytes) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(head).encode() + b"\n" + data)  # two processes may do so: the bytes are equal
        files = sorted(path.parent.glob("*.start"), key=lambda file: file.stat().st_mtime)
        for old in files[:-FILES]:
            old.unlink(missing_ok=True)


def key_of(what: dict[str, Any]) -> str:
    """Return the file name of a start state."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def code_hash(game: type) -> str:
    """Return a hash of the code that brings a game to its start: the game's module and this package."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    own = getattr(sys.modules.get(game.__module__), "__file__", None)  # None in an interactive session
    sources = [file.read_bytes() for file in (*files, *([Path(own)] if own else []))]
    return hashlib.sha256(b"".join(sources)).hexdigest()
