"""The a3c64 command: run the subcommand that the first argument names.

This module imports very little before signals are handled.
"""

import sys
from typing import TYPE_CHECKING

from a3c64 import program

if TYPE_CHECKING:
    from a3c64.cli.command import Command


def main() -> int:
    """Run the subcommand named by the first argument; return the exit code: 0 for a clean stop, 2 for bad input."""
    return program.run("a3c64", lambda: _run(sys.argv[1:]))


def groups() -> "dict[str, tuple[Command, ...]]":
    """Return all commands, as `a3c64 --help` lists them."""
    from a3c64.cli import (
        completion,
        doctor,
        integrating,
        keys,
        laps,
        monitoring,
        policies,
        recordings,
        run_list,
        sweeping,
        teaching,
        training,
    )

    return {
        "train": (*training.COMMANDS, *teaching.COMMANDS, *keys.COMMANDS, *sweeping.COMMANDS),
        "follow a run": (*monitoring.COMMANDS, *run_list.COMMANDS),
        "use what was learned": policies.COMMANDS,
        "look at recorded episodes": recordings.COMMANDS,
        "beat the clock": laps.COMMANDS,
        "add a game": integrating.COMMANDS,
        "your machine": (*doctor.COMMANDS, *completion.COMMANDS),
    }


def _run(arguments: list[str]) -> int:
    from a3c64 import logs, output
    from a3c64.config import EXIT_BAD_INPUT, BadInputError, nearest

    output.guard_results()
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _help()
        return 0 if arguments else EXIT_BAD_INPUT
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(f"a3c64 {version('a3c64')}")
        return 0
    commands = {command.name: command for group in groups().values() for command in group}
    if arguments[0] not in commands:
        hint = nearest(arguments[0], list(commands)) or f", expected {', '.join(commands)}"
        raise BadInputError(f"unknown command {arguments[0]!r}{hint}")
    command = commands[arguments[0]]
    logs.configure(command.name, output=2)  # standard output is for results
    return program.run(f"a3c64 {command.name}", lambda: command(arguments[1:]))


def _help() -> None:
    print("usage: a3c64 COMMAND [options]; a3c64 COMMAND --help shows a command's options; a3c64 --version\n")
    for title, commands in groups().items():
        print(f"{title}:")
        for command in commands:
            print(f"  {command.name:<11}{command.summary}")
        print()


if __name__ == "__main__":
    sys.exit(main())
