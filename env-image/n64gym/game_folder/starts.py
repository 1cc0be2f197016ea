"""The ways to the start of an episode: presses until conditions hold, a movie, or a savestate of the folder."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

from n64gym.files import write_whole
from n64gym.game_folder.files import MAX_STATE_BYTES, read_file
from n64gym.game_folder.model import Press
from n64gym.game_folder.reader import MAX_START_VIS
from n64gym.game_folder.table import GameError
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import Rom, RomError
from n64gym.machine.shared import SAMPLES
from n64gym.machine.state import State
from n64gym.movies import m64
from n64gym.movies.m64 import MovieError


def read_state(folder: Path, name: str) -> State:
    """Return a savestate of a game folder. Raises GameError."""
    data = read_file(folder, name)
    try:
        with gzip.open(io.BytesIO(data)) as file:
            if len(file.read(MAX_STATE_BYTES + 1)) > MAX_STATE_BYTES:
                raise ValueError(f"it has more than {MAX_STATE_BYTES} bytes")
        return State.from_data(data)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise GameError(f"{folder / name} is not a savestate of n64gym: {error}") from None


def write_state(state: State, folder: Path, name: str) -> None:
    """Write a savestate into a game folder. Raises OSError."""
    write_whole(Path(folder) / name, state.data())


def read_movie(folder: Path, name: str, rom: Rom) -> m64.M64:
    """Return a movie of a game folder. Raises GameError, also for a movie of another ROM."""
    path = folder / name
    try:
        movie = m64.parse(read_file(folder, name))
    except MovieError as error:
        raise GameError(f"{path} {error}") from None
    if movie.crc1 != rom.crc1:
        raise GameError(
            f"{path} was recorded on another ROM: it names {movie.rom_name!r} with header CRC1 {movie.crc1:08X}; found "
            f"{rom.title!r} ({rom.path.name}) with {rom.crc1:08X}"
        )
    if movie.controllers != 1 or not 1 <= movie.vis <= MAX_START_VIS or len(movie.samples) > SAMPLES:
        raise GameError(
            f"{path} has {movie.controllers} controllers, {movie.vis} VIs and {len(movie.samples)} samples; expected "
            f"1 controller, 1 to {MAX_START_VIS} VIs and at most {SAMPLES} samples"
        )
    return movie


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
