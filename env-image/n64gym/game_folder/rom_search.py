"""Finds the ROM of a game: the file that is named, or the file with the right hash in the folder that is named."""

from __future__ import annotations

from pathlib import Path

from n64gym.game_folder.model import OWN_ROM, GameFile
from n64gym.machine.archive import ENDINGS
from n64gym.machine.rom import OPEN_KART, Rom, RomError, open_rom

MOST_FILES = 1000  # files of a folder that are looked at
ARCHIVES = (".zip", ".gz")


def rom_of(game: GameFile, path: str | Path) -> Rom:
    """Return the ROM of a game. path: a file or a folder; empty for Open Kart. Raises RomError."""
    if game.rom_sha1 == OWN_ROM:
        return open_rom(str(path) or OPEN_KART)
    wanted = f"{game.name} needs the ROM {game.rom_name!r} with SHA-1 {game.rom_sha1} (in z64 order)"
    if not str(path):
        raise RomError(f"{wanted}: rom=, the path of its file or of a folder that holds it")
    if Path(path).is_dir():
        return _in_folder(Path(path), game, wanted)
    rom = open_rom(path)
    if rom.sha1 != game.rom_sha1:
        raise RomError(f"{wanted}: found {rom.path.name}, which is {rom.title!r} with SHA-1 {rom.sha1}")
    return rom


def _in_folder(folder: Path, game: GameFile, wanted: str) -> Rom:
    try:
        files = sorted(one for one in folder.iterdir() if one.name.lower().endswith((*ENDINGS, *ARCHIVES)))
    except OSError as error:
        raise RomError(f"{wanted}: {folder} cannot be read: {error.strerror}") from None
    for file in files[:MOST_FILES]:
        try:
            rom = open_rom(file)
        except RomError:
            continue
        if rom.sha1 == game.rom_sha1:
            return rom
    raise RomError(f"{wanted}: none of the {len(files)} ROMs and archives in {folder} is this ROM")
