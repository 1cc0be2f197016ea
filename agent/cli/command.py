"""A subcommand of a3c64: its name, its options, its settings and its function."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from a3c64.arguments import Parser
from a3c64.config import BadInputError, Settings, load

Parsed = dict[str, Any]  # options by name, and settings that were given as flags, which are text


class Command(NamedTuple):
    """One subcommand. `run` imports what it needs when it is called, so that --help and errors are fast."""

    name: str
    run: Callable[[Settings, Parsed], int]  # returns the exit code; the first line of its docstring is the summary
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    usage: str = ""  # its positional arguments
    prepare: Callable[[Parsed], Parsed] = dict  # converts what was typed before the settings are loaded

    @property
    def summary(self) -> str:
        """The first line of the docstring of `run`."""
        return (self.run.__doc__ or "").splitlines()[0]

    def parser(self) -> Parser:
        """Return the parser of this command's arguments."""
        parser = Parser(self.name, self.summary, self.usage)
        if self.add_options:
            self.add_options(parser)
        parser.add_settings()
        return parser

    def parse(self, arguments: Sequence[str]) -> Parsed:
        """Return what was typed: all options, and the settings that were given.

        Raises:
            BadInputError: an argument is wrong.
        """
        return self.prepare(vars(self.parser().parse(arguments)))

    def __call__(self, arguments: Sequence[str]) -> int:
        """Parse arguments, load the settings, and run.

        Raises:
            BadInputError: the user's input cannot be used.
        """
        parsed = self.parse(arguments)
        return self.run(load(parsed), parsed)


def at_least(name: str, value: float, least: float) -> None:
    """Refuse an option's value that is less than `least`.

    Raises:
        BadInputError: the value is too small.
    """
    if not value >= least:  # written this way round, so that NaN is refused
        raise BadInputError(f"--{name}: found {value}, expected {least} or more")
