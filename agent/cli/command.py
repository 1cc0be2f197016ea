"""The subcommands of a3c64: each takes its arguments and returns an exit code; imports what it needs when it runs."""

import argparse
from collections.abc import Callable

Command = Callable[[list[str]], int]


def parser_of(name: str, command: Command) -> argparse.ArgumentParser:
    """Return the parser of a command's arguments, still empty."""
    return argparse.ArgumentParser(prog=f"a3c64 {name}", description=summary_of(command), allow_abbrev=False)


def summary_of(command: Command) -> str:
    """Return what a command does, in a line: the first of its docstring."""
    return (command.__doc__ or "").splitlines()[0]
