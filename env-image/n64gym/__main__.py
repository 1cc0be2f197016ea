"""Plays movies back and reports whether each one repeats bit for bit:  python -m n64gym FILE.m64 …

`python -m n64gym import-retro` converts a game folder of stable-retro.
"""

from __future__ import annotations

import argparse
import sys

from n64gym.game_folder import retro
from n64gym.machine.emulator import EmulatorError
from n64gym.machine.rom import RomError
from n64gym.movies.m64 import MovieError
from n64gym.movies.playback import Playback


def verdict(path: str, rom: str | None) -> tuple[bool, str]:
    """Play a movie. Return whether it succeeded, and the line to print."""
    try:
        playback = Playback(path, rom)
        try:
            while not playback.over:
                playback.step()
        finally:
            playback.close()
    except (MovieError, RomError, EmulatorError) as error:
        return False, str(error)
    if playback.diverged:
        return False, playback.diverged
    return True, "identical to the recording" if playback.facts else "played to its end"


def main() -> None:
    """Play all movies, or run import-retro. Exit with code 2 if a movie diverges, or something cannot be used."""
    if sys.argv[1:2] == ["import-retro"]:
        sys.exit(retro.main(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m n64gym", description=__doc__)
    parser.add_argument("movies", nargs="+", metavar="FILE.m64")
    parser.add_argument("--rom", help="the ROM, unless it is Open Kart")
    arguments = parser.parse_args()
    all_well = True
    for path in arguments.movies:
        well, text = verdict(path, arguments.rom)
        all_well &= well
        line = f"{path}: {text}"
        print("".join(c if c.isprintable() else repr(c)[1:-1] for c in line), flush=True)  # no terminal escapes
    sys.exit(0 if all_well else 2)


if __name__ == "__main__":
    main()
