"""A subcommand of a3c64: its name, its own options, its settings, and what it does."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from a3c64.arguments import Parser
from a3c64.config import BadInputError, Settings, load

Parsed = dict[str, Any]  # options by name, and the settings that were given as flags, as text


class Command(NamedTuple):
    """One subcommand. It imports what it needs when it runs, so that --help and errors take no time."""

    name: str
    run: Callable[[Settings, Parsed], int]  # returns the exit code; the first line of its docstring is the summary
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    usage: str = ""  # its arguments that are not options

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return (self.run.__doc__ or "").splitlines()[0]

    def parser(self) -> Parser:
        """Return the parser of its arguments."""
        parser = Parser(self.name, self.summary, self.usage)
        if self.add_options:
            self.add_options(parser)
        parser.add_settings()
        return parser

    def __call__(self, arguments: Sequence[str]) -> int:
        """Parse arguments, load the settings, and run.

        Raises:
            BadInputError: the user gave something that cannot be used.
        """
        parsed = vars(self.parser().parse(arguments))
        return self.run(load(parsed), parsed)


def at_least(name: str, value: float, least: float) -> None:
    """Refuse an option's value that is too small."""
    if not value >= least:  # also if it is not a number
        raise BadInputError(f"--{name}: found {value}, expected {least} or more")
