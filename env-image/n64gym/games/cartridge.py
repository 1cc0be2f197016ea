"""Shared by the games whose ROM file the user must provide."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from n64gym.machine.rom import KNOWN, Rom, RomError, expect_game, open_rom


class Cartridge(NamedTuple):
    """A game whose ROM file the user must provide."""

    sha1: str  # of the ROM in z64 order
    env_id: str

    def open(self, rom: str | Path, check: bool) -> Rom:
        """Open the ROM file. check: reject a file with a different hash. Raises RomError."""
        if not str(rom):
            raise RomError(
                f"{self.env_id} needs the ROM file, {KNOWN[self.sha1]}: "
                f'gymnasium.make("{self.env_id}", rom="/path/to/game.z64")'
            )
        found = open_rom(rom)
        if check:
            expect_game(found, self.sha1, "rom=; with check_rom=False it is tried all the same")
        return found
