"""The result of a check: its state, what was found, and what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class FindingState(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"  # nothing is broken, but something is missing or slow
    FAIL = "FAIL"
    UNPROVEN = "unproven"  # no check of this program can show it


class Finding(NamedTuple):
    """The result of one check."""

    state: FindingState
    what: str
    found: str
    do: str = ""  # a remedy; empty if there is nothing to do

    def lines(self) -> list[str]:
        """Return the lines that show it in a terminal."""
        first = f"{self.state:<9}{self.what}: {self.found}"
        return [first, f"         -> {self.do}"] if self.do else [first]

    @classmethod
    def ok(cls, what: str, found: str) -> Finding:
        """Return a finding without a remedy."""
        return cls(FindingState.OK, what, found)

    @classmethod
    def note(cls, what: str, found: str, do: str) -> Finding:
        """Return a finding about something that is missing or slow."""
        return cls(FindingState.NOTE, what, found, do)

    @classmethod
    def fail(cls, what: str, found: str, do: str) -> Finding:
        """Return a finding about something that does not work."""
        return cls(FindingState.FAIL, what, found, do)

    @classmethod
    def unproven(cls, what: str, found: str, do: str) -> Finding:
        """Return a finding about something that only a person can check."""
        return cls(FindingState.UNPROVEN, what, found, do)
