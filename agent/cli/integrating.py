"""`a3c64 integrate`: make a game folder: play a ROM by hand, find its variables, try a reward."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from a3c64.cli.command import Command, Parsed
from a3c64.config import BadInputError, Settings, has_display
from a3c64.output import say

if TYPE_CHECKING:
    from n64gym import SessionCommands


def add_integrate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `integrate`."""
    parser.add_argument("rom_file", type=Path, metavar="ROM", help="the game's ROM")
    parser.add_argument(
        "--game", type=Path, metavar="FOLDER", help="the game folder to make or to change (default: the ROM's name)"
    )
    parser.add_argument("--video", metavar="PLUGIN", help="the video plugin, for a game that draws with the GPU")
    parser.add_argument("--no-window", action="store_true", help="read commands from standard input instead")


def integrate(settings: Settings, parsed: Parsed) -> int:
    """Make a game folder: play a ROM by hand, search its memory, name variables, try a reward."""
    from a3c64.processes import limit_threads

    limit_threads()
    from n64gym import EmulatorError, Session, SessionCommands

    folder = parsed["game"] or Path(parsed["rom_file"].stem)
    try:
        opened = Session.of_folder(parsed["rom_file"], folder, video=parsed["video"])
    except (ValueError, EmulatorError) as error:  # GameError and RomError are ValueErrors
        raise BadInputError(str(error)) from None
    with opened as session:
        commands = SessionCommands(session, folder)
        if parsed["no_window"] or not _window(commands):
            read_commands(commands, sys.stdin, sys.stdin.isatty())
    return 0


def _window(commands: "SessionCommands") -> bool:
    """Open the window and play until it is closed; return False if there is no display."""
    from a3c64.play.enjoy import open_display
    from a3c64.processes import stop_on_signals

    if not (has_display() and open_display()):
        say("there is no display ($DISPLAY), so without a window: commands are read from standard input")
        return False
    import pygame

    from n64gym import SessionWindow

    pygame.font.init()
    SessionWindow(pygame, commands).run(stop_on_signals().is_set)
    pygame.quit()
    return True


def read_commands(commands: "SessionCommands", lines: Iterable[str], by_hand: bool) -> None:
    """Run commands and print their answers, until the lines end.

    Args:
        commands: runs them.
        lines: one command each.
        by_hand: a person types them, so an error does not end the program.

    Raises:
        BadInputError: a command cannot be run.
    """
    from n64gym import EmulatorError

    if by_hand:
        say("help lists the commands; quit ends")
    for number, line in enumerate(lines, 1):
        try:
            answer = commands.run(line)
        except (ValueError, EmulatorError, OSError) as error:
            if not by_hand:
                raise BadInputError(f"line {number}: {line.strip()}: {error}") from None
            answer = str(error)
        for part in answer.splitlines():
            first, _, rest = part.rpartition("\t")
            say(first.ljust(33) + rest if first else rest)
        if commands.is_over:
            return


COMMANDS = (Command("integrate", integrate, add_integrate_options, "ROM"),)
