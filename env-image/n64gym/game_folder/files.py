"""The files of a game folder: game.toml, and the savestates and movies that it names."""

from __future__ import annotations

from pathlib import Path

from n64gym.files import read_regular
from n64gym.game_folder.reader import FILE, MAX_BYTES, read_game
from n64gym.game_folder.table import GameError

MAX_STATE_BYTES = 64 << 20  # compressed or not; a savestate has 17 million bytes


def read_game_files(folder: str | Path) -> dict[str, bytes]:
    """Return the content of all files that a game needs, by name. Raises GameError."""
    game = read_game(folder)
    names = {name for start in game.starts.values() for name in (start.state, start.movie) if name}
    return {FILE: read_file(folder, FILE, MAX_BYTES)} | {name: read_file(folder, name) for name in sorted(names)}


def read_file(folder: str | Path, name: str, most: int = MAX_STATE_BYTES) -> bytes:
    """Return the content of a file in a game folder. Raises GameError, also for a link, which could lead out of it."""
    path = Path(folder) / name
    try:
        if path.is_symlink():
            raise GameError(f"{path} is a symbolic link; expected a file")
        return read_regular(path, most)
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror}") from None
