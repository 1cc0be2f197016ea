"""Reads values of a TOML table and checks them. An error is one line: file, key, what was found and expected."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from n64gym.movies.facts import short
from n64gym.settings import listed, nearest

MOST = 1000  # entries of a table or a list
LONGEST = 200  # characters of a text that is shown


class GameError(ValueError):
    """A game folder cannot be used. The text is one line: the file, the key, what was found, what was expected."""


class Table:
    """A table of a file. It remembers which keys were read, so that `end` can refuse the others."""

    def __init__(self, file: str, where: str, values: Any) -> None:
        self._file, self._where = file, where
        if not isinstance(values, dict) or len(values) > MOST:
            raise self.error("", values, f"a table of at most {MOST} entries")
        self._values: Mapping[str, Any] = values
        self._read: set[str] = set()

    def error(self, key: str, found: Any, expected: str) -> GameError:
        """Return an error about a key; about the table itself if `key` is empty."""
        return GameError(f"{self._file}: {self._path(key)}: found {short(found)}, expected {expected}")

    def refused(self, key: str, reason: object) -> GameError:
        """Return an error about a key from the text of another error, which says what was found and expected."""
        return GameError(f"{self._file}: {self._path(key)}: {reason}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def keys(self) -> list[str]:
        """Return all keys in order."""
        return list(self._values)

    def end(self) -> None:
        """Refuse keys that were not read."""
        for key in self._values:
            if key not in self._read:
                hint = nearest(key, sorted(self._read)) or f", expected one of {listed(sorted(self._read))}"
                raise GameError(f"{self._file}: {self._path('')}: found the unknown key {short(key)}{hint}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a printable text. Without a default, it must not be empty."""
        value = self.get(key, default)
        if not isinstance(value, str) or len(value) > LONGEST or not (value.isprintable() and (value or default == "")):
            raise self.error(key, value, f"a text of at most {LONGEST} printable characters")
        return value

    def one_of(self, key: str, names: Sequence[str], default: str | None = None) -> str:
        """Return one of the names."""
        value = self.get(key, default)
        if value not in names or not isinstance(value, str):
            raise self.refused(key, f"found {short(value)}{nearest(value, list(names))}, expected {listed(names)}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, value, "true or false")
        return value

    def integer(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """Return an integer of a range."""
        return self._integer(key, self.get(key, default), least, most)

    def address(self, key: str) -> int:
        """Return an address in RDRAM."""
        value = self.get(key, None)
        if type(value) is not int or not 0 <= value & ~0xA0000000 < 0x800000 or value >> 29 not in (0, 4, 5):
            found = f"{value:#x}" if type(value) is int and abs(value) < 2**64 else short(value)
            raise self.refused(key, f"found {found}, expected an address such as 0x80001234, up to 0x807fffff")
        return value

    def number(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """Return a number of a range."""
        value = self.get(key, default)
        if type(value) not in (int, float) or not math.isfinite(value) or not least <= value <= most:
            raise self.error(key, value, f"a number from {least:g} to {most:g}")
        return float(value)

    def integers(self, key: str, least: int, most: int, count: int | None, default: Any = None) -> tuple[int, ...]:
        """Return a list of integers: exactly `count` of them, or any number if None."""
        value = self.get(key, default)
        if not isinstance(value, list | tuple) or len(value) > MOST or (count is not None and len(value) != count):
            raise self.error(key, value, f"a list of {count if count is not None else 'up to 1000'} integers")
        return tuple(self._integer(key, one, least, most) for one in value)

    def names(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """Return a list of different names."""
        value = self.get(key, [])
        if not isinstance(value, list) or any(not isinstance(one, str) for one in value[:MOST]) or len(value) > MOST:
            raise self.error(key, value, f"a list of names from {listed(allowed)}")
        for number, one in enumerate(value):
            if one not in allowed or one in value[:number]:
                what = (
                    f"found {short(one)}{nearest(one, list(allowed))}" if one not in allowed else f"found {one!r} twice"
                )
                raise self.refused(key, f"{what}, expected different names from {listed(allowed)}")
        return tuple(value)

    def table(self, key: str) -> Table:
        """Return a table in this one; an empty one if it is missing."""
        return Table(self._file, self._path(key), self.get(key, {}))

    def tables(self, key: str) -> Iterator[Table]:
        """Return the tables of a list."""
        return self.nested(key, self.list(key))

    def nested(self, path: str, values: Any) -> Iterator[Table]:
        """Return the tables of a list that is at `path` in this table."""
        if not isinstance(values, list) or len(values) > MOST:
            raise self.error(path, values, f"a list of at most {MOST} tables")
        return (Table(self._file, f"{self._path(path)}[{number}]", one) for number, one in enumerate(values))

    def list(self, key: str) -> Sequence[Any]:
        """Return a list; an empty one if it is missing."""
        value = self.get(key, [])
        if not isinstance(value, list) or len(value) > MOST:
            raise self.error(key, value, f"a list of at most {MOST} entries")
        return value

    def items(self, check: Callable[[str], object]) -> Iterator[str]:
        """Return the keys, each checked as a name."""
        for key in self._values:
            try:
                check(key)
            except ValueError as error:
                raise self.refused("", error) from None
            yield key

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key. Without a default, raise GameError if it is missing."""
        self._read.add(key)
        if key in self._values:
            return self._values[key]
        if default is None:
            raise GameError(f"{self._file}: {self._path(key)}: found nothing, expected a value for {key!r}")
        return default

    def _integer(self, key: str, value: Any, least: int, most: int) -> int:
        if type(value) is not int or not least <= value <= most:
            raise self.error(key, value, f"an integer from {least} to {most}")
        return value

    def _path(self, key: str) -> str:
        shown = key if key.isprintable() else ascii(key)[1:-1]
        return ".".join(one[:LONGEST] for one in (self._where, shown) if one) or "the file"
