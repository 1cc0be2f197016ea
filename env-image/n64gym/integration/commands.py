"""The commands of `a3c64 integrate`, as text: each is one line, and its answer is a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from n64gym.integration import pad
from n64gym.integration.search import KSEG0, Search
from n64gym.integration.session import Session
from n64gym.settings import nearest

LISTED = 12  # candidates
FEW = 5  # so few candidates are listed after every filter
LONGEST_HOLD = 36_000  # VIs, ten minutes


class Command(NamedTuple):
    """A command."""

    usage: str  # its arguments
    help: str
    run: Callable[..., str]
    least: int  # number of arguments
    most: int  # the last one takes the rest of the line


class SessionCommands:
    """Runs commands on a session. folder: where `write` writes the game folder. A tab separates an answer's columns."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session = session
        self.folder = folder
        self.search: Search | None = None
        self.is_over = False
        """Whether `quit` was run."""
        self._written = session.draft.described()
        self.table = {
            "hold": Command("VIS [A left x=-40 ...]", "play for VIS/60 seconds with these held", self._hold, 1, 2),
            "save": Command("[NAME]", "keep a savestate", self._save, 0, 1),
            "load": Command("[NAME]", "return to a savestate", self._load, 0, 1),
            "reset": Command("", "switch the console off and on", self._reset, 0, 0),
            "search": Command("TYPE [1|2|4]", "begin a search: u8 s8 u16 s16 u32 s32 f32 [at every N bytes]",
                              self._search, 1, 2),
            "equal": Command("N", "keep what is N now", lambda n: self._filter("equal", n), 1, 1),
            "between": Command("LOW HIGH", "keep what is from LOW to HIGH",
                               lambda low, high: self._filter("between", low, high), 2, 2),
            "changed": Command("", "keep what has changed", lambda: self._filter("changed"), 0, 0),
            "unchanged": Command("", "keep what has not", lambda: self._filter("unchanged"), 0, 0),
            "greater": Command("", "keep what has grown", lambda: self._filter("greater"), 0, 0),
            "less": Command("", "keep what has fallen", lambda: self._filter("less"), 0, 0),
            "by": Command("N", "keep what is N more than before (-N: less)",
                          lambda n: self._filter("changed_by", n), 1, 1),
            "undo": Command("", "take the last filter back", lambda: self._filter("undo"), 0, 0),
            "list": Command("", "the first candidates: address, value before, value", self._list, 0, 0),
            "name": Command("NAME ADDRESS|#N [TYPE]", "name an address, or the Nth candidate", self._name, 2, 3),
            "forget": Command("NAME", "forget a variable, action, reward or end", self._forget, 1, 1),
            "put": Command("NAME VALUE", "write a value to memory", self._put, 2, 2),
            "action": Command("NAME [A left ...]", "an action of the agent", self._action, 1, 2),
            "reward": Command("NAME EXPRESSION", "a term of a step's reward, such as delta(score)", self._reward, 2, 2),
            "done": Command("NAME CONDITION", "an episode ends when it holds", self._done, 2, 2),
            "limit": Command("SECONDS", "an episode is cut off after it", self._limit, 1, 1),
            "start": Command("[NAME]", "an episode begins here", self._start, 0, 1),
            "show": Command("", "what has been described so far", self._show, 0, 0),
            "write": Command("", f"write {folder}", self._write, 0, 0),
            "quit": Command("", "end", self._quit, 0, 0),
            "help": Command("", "this list", self._help, 0, 0),
        }  # fmt: skip

    def run(self, line: str) -> str:
        """Run a command and return its answer. Raises ValueError, EmulatorError."""
        name, _, rest = line.strip().partition(" ")
        if not name:
            return ""
        if name not in self.table:
            raise ValueError(f"unknown command {name!r}{nearest(name, list(self.table))}; help lists the commands")
        command = self.table[name]
        arguments = rest.split(maxsplit=command.most - 1) if command.most else rest.split()
        if not command.least <= len(arguments) <= command.most:
            raise ValueError(f"expected {name} {command.usage}".rstrip())
        return command.run(*(argument.strip() for argument in arguments))

    def _hold(self, vis: str, words: str = "") -> str:
        count = whole(vis)
        if not 1 <= count <= LONGEST_HOLD:
            raise ValueError(f"hold: found {vis}, expected 1 to {LONGEST_HOLD} VIs (60 a second)")
        self.session.step(count, pad.parse(words.split()).word)
        return self._values()

    def _values(self) -> str:
        return ", ".join(f"{name} {shown(value)}" for name, value in self.session.values().items())

    def _save(self, name: str = "") -> str:
        self.session.save(name)
        return "saved"

    def _load(self, name: str = "") -> str:
        self.session.load(name)
        return self._values()

    def _reset(self) -> str:
        self.session.power_on()
        return ""

    def _search(self, kind: str, align: str = "") -> str:
        self.search = self.session.search(kind, whole(align) if align else None)
        return f"{len(self.search)} candidates; play on, then: equal N, changed, unchanged, greater, less, by N"

    def _filter(self, name: str, *numbers: str) -> str:
        search = self._searched()
        getattr(search, name)(*(number_of(one) for one in numbers))
        return self._list() if len(search) <= FEW else f"{len(search)} candidates"

    def _searched(self) -> Search:
        if self.search is None:
            raise ValueError("no search has begun; expected search TYPE, for example search u8")
        return self.search

    def _list(self) -> str:
        search = self._searched()
        lines = [
            f"#{number} {match.address:08X} {shown(match.before)} -> {shown(match.value)}"
            for number, match in enumerate(search.matches(LISTED), 1)
        ]
        more = len(search) - len(lines)
        return "\n".join([*lines, *([f"and {more} more"] if more else [])] or ["no candidates; undo goes back"])

    def _name(self, name: str, where: str, kind: str = "") -> str:
        if where.startswith("#"):
            search, number = self._searched(), whole(where[1:])
            matches = search.matches(LISTED)
            if not 1 <= number <= len(matches):
                raise ValueError(f"{where} is not listed; expected one of the {len(matches)} candidates of list")
            self.session.name(name, matches[number - 1].address, kind or search.kind)
        elif not kind:
            raise ValueError("expected name NAME ADDRESS TYPE, for example name score 80123456 u16")
        else:
            self.session.name(name, address_of(where), kind)
        return self._values()

    def _forget(self, name: str) -> str:
        self.session.forget(name)
        return ""

    def _put(self, name: str, value: str) -> str:
        self.session.put(name, number_of(value))
        return self._values()

    def _action(self, name: str, words: str = "") -> str:
        hold = pad.parse(words.split())
        self.session.action(name, hold.buttons, hold.stick)
        return f"actions: {', '.join(self.session.draft.actions)}"

    def _reward(self, name: str, expression: str) -> str:
        self.session.reward(name, expression)
        return ""

    def _done(self, name: str, condition: str) -> str:
        self.session.done(name, condition)
        return ""

    def _limit(self, seconds: str) -> str:
        self.session.limit(number_of(seconds))
        return ""

    def _start(self, name: str = "start") -> str:
        self.session.mark_start(name)
        return f"an episode begins here; load {name} returns"

    def _show(self) -> str:
        return self.session.draft.described()

    def _write(self) -> str:
        self.session.write(self.folder)
        self._written = self.session.draft.described()
        return f"{self.folder} is written; a3c64 train --game {self.folder} trains in it"

    def _quit(self) -> str:
        if self._written != (draft := self.session.draft.described()):
            self._written = draft
            return "the game folder is not written yet: write it, or quit again to end without it"
        self.is_over = True
        return ""

    def _help(self) -> str:
        return "\n".join(f"{name} {one.usage}\t{one.help}" for name, one in self.table.items())


def number_of(text: str) -> int | float:
    """Return the number in a text: 12, -0.5 or 0xFF. Raises ValueError."""
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"found {text!r}, expected a number such as 12, -0.5 or 0xFF") from None


def whole(text: str) -> int:
    """Return the whole number in a text. Raises ValueError."""
    number = number_of(text)
    if not isinstance(number, int):
        raise ValueError(f"found {text!r}, expected a whole number")
    return number


def address_of(text: str) -> int:
    """Return the address in a text of hexadecimal digits, with or without 0x and the first 80. Raises ValueError."""
    try:
        address = int(text, 16)
    except ValueError:
        raise ValueError(f"found {text!r}, expected an address such as 80123456") from None
    return address if address >= KSEG0 else address + KSEG0


def shown(value: float) -> str:
    """Return a value as text."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
