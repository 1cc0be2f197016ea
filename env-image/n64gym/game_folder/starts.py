"""The ways to the start of an episode: presses until conditions hold, a movie, or a savestate of the folder."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

from n64gym.files import read_regular, write_whole
from n64gym.game_folder.model import GameFile, Press
from n64gym.game_folder.reader import MAX_START_VIS
from n64gym.game_folder.table import GameError
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import RomError
from n64gym.machine.state import State
from n64gym.movies import m64
from n64gym.movies.m64 import MovieError

MAX_STATE_BYTES = 64 << 20  # compressed or not; a savestate has 17 million bytes


def read_state(folder: Path, name: str) -> State:
    """Return a savestate of a game folder. Raises GameError."""
    path = inside(folder, name)
    try:
        data = read_regular(path, MAX_STATE_BYTES)
        with gzip.open(io.BytesIO(data)) as file:
            if len(file.read(MAX_STATE_BYTES + 1)) > MAX_STATE_BYTES:
                raise ValueError(f"it has more than {MAX_STATE_BYTES} bytes")
        return State.from_data(data)
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, ValueError) as error:
        raise GameError(f"{path} is not a savestate of n64gym: {error}") from None


def write_state(state: State, folder: Path, name: str) -> None:
    """Write a savestate into a game folder. Raises OSError."""
    write_whole(Path(folder) / name, state.data())


def read_movie(folder: Path, name: str, game: GameFile) -> m64.M64:
    """Return a movie of a game folder. Raises GameError."""
    path = inside(folder, name)
    try:
        movie = m64.read(path)
    except MovieError as error:
        raise GameError(str(error)) from None
    if movie.controllers != 1 or movie.vis > MAX_START_VIS:
        raise GameError(
            f"{path} has {movie.controllers} controllers and {movie.vis} VIs; expected 1 and at most {MAX_START_VIS}"
        )
    return movie


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a game folder. Raises GameError for a link, which could lead out of it."""
    path = Path(folder) / name
    if path.is_symlink():
        raise GameError(f"{path} is a symbolic link; expected a file")
    return path


def press(
    emulator: Emulator, presses: tuple[Press, ...], holds: Callable[[str], bool], found: Callable[[], str]
) -> None:
    """Press through menus. holds: whether a condition holds now. found: the variables now, for an error.

    Raises RomError if a condition does not hold in time.
    """
    for number, one in enumerate(presses):
        begin = emulator.vi_count
        while not (one.until and holds(one.until)):
            if one.until and emulator.vi_count - begin >= one.limit:
                raise RomError(
                    f"{emulator.rom.path.name}: presses[{number}] has not reached {one.until!r} within {one.limit} "
                    f"VIs: found {found()}"
                )
            emulator.step(one.vis, one.word)
            if one.release:
                emulator.step(one.release)
            if not one.until:
                break
