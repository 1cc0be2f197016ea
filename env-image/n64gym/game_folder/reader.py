"""Reads a game folder. It may be a stranger's: it has no code and names no path, and its size is bounded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from n64gym.files import read_regular
from n64gym.game_folder.expressions import BUILT_IN, ExpressionError, build, check_name
from n64gym.game_folder.model import BUTTONS, OWN_ROM, TYPES, Action, Actions, Figure, GameFile, Press, Start, Variable
from n64gym.game_folder.table import GameError, Table
from n64gym.machine.controller import STICK
from n64gym.observations import LARGEST

FILE = "game.toml"
FORMAT = 1
MAX_BYTES = 256 << 10  # of game.toml
MAX_LIMIT_S = 24 * 3600.0  # of an episode
MAX_START_VIS = 10 * 60 * 60  # from power-on to a start: ten minutes
MAX_ACTIONS = 1000
MAX_GROUPS = 16
SUMMARIES = ("mean", "least", "most", "rate")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")  # no path: no /, and no dot at the beginning


def read_game(folder: str | Path) -> GameFile:
    """Return the game in a folder. Raises GameError: one line with file, key, what was found, what was expected."""
    path = Path(folder) / FILE
    try:
        return parse(read_regular(path, MAX_BYTES), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise GameError(f"there is no file {path}; expected a game folder, which has a {FILE}") from None
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror}") from None


def parse(data: bytes, file: str = FILE) -> GameFile:
    """Return the game that the bytes of a game.toml describe. Raises GameError."""
    try:
        values = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
        raise GameError(f"{file} is not TOML: {reason}") from None
    return _game(Table(file, "", values))


def _game(top: Table) -> GameFile:
    top.integer("format", FORMAT, FORMAT)
    rom, picture, limits, laps = (top.table(name) for name in ("rom", "picture", "limits", "laps"))
    variables = _variables(top.table("variables"))
    names = _Names(variables)
    values = names.values(top.table("values"))
    size = picture.integers("size", 1, max(LARGEST), 2, (240, 320))
    video = picture.text("video", "")
    if not re.fullmatch("[A-Za-z0-9_-]{0,40}", video):
        raise picture.error("video", video, 'the name of a plugin such as "glide64mk2"')
    times = laps.list("times")
    game = GameFile(
        name=top.text("name"),
        rom_sha1=rom.text("sha1").lower(),
        rom_name=rom.text("name", ""),
        variables=variables,
        actions=_actions(top.table("actions")),
        starts=_starts(top.table("starts"), names),
        values=values,
        reward=names.expressions(top.table("reward")),
        done=names.expressions(top.table("done")),
        truncated=names.expressions(top.table("truncated")),
        time_limit=limits.number("time", 0.1, MAX_LIMIT_S, 300.0),
        stuck_limit=limits.number("stuck", 0.0, MAX_LIMIT_S, 0.0),
        progress=names.expression(limits, "progress", "stuck" not in limits),
        telemetry=names.expressions(top.table("telemetry")),
        figures=_figures(top.table("figures"), names),
        lap_times=tuple(names.checked(laps, "times", one) for one in times),
        frameskip=top.integer("frameskip", 1, 3600, 4),
        picture=(size[0], size[1]),
        video=video,
        controller_pak=top.flag("controller_pak", False),
    )
    if not re.fullmatch("[0-9a-f]{40}", game.rom_sha1) and game.rom_sha1 != OWN_ROM:
        raise rom.error("sha1", game.rom_sha1, f'40 hexadecimal digits, or "{OWN_ROM}"')
    for table in (rom, picture, limits, laps, top):
        table.end()
    return game


def _variables(table: Table) -> dict[str, Variable]:
    found = {}
    for name in table.items(check_name):
        one = table.table(name)
        kind = one.one_of("type", list(TYPES))
        size = TYPES[kind].size
        follow = one.integers("follow", -(2**31), 2**31 - 1, None, ())
        address = one.address("address")
        bits = one.integers("bits", 0, 8 * size - 1, 2) if "bits" in one else None
        if len(follow) > 8:
            raise one.error("follow", follow, "at most 8 offsets")
        if (misaligned := 4 if follow else size) and address % misaligned:
            raise one.refused("address", f"found {address:#x}, expected a multiple of {misaligned}")
        if bits and (kind == "f32" or bits[0] > bits[1]):
            raise one.error("bits", list(bits), "[lowest, highest] bit of an integer type")
        found[name] = Variable(address, kind, (bits[0], bits[1]) if bits else None, follow, one.text("note", ""))
        one.end()
    return found


class _Names:
    """The names that expressions may use: built-in ones, variables, and values."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._now = {name: index for index, name in enumerate([*BUILT_IN, *variables])}
        self._all = self._now

    def values(self, table: Table) -> dict[str, str]:
        """Return the named expressions. Each may use those above it, and `prev.` of all."""
        found: dict[str, str] = {}
        for name in table.items(check_name):
            if name in self._now:
                raise table.refused(name, "found the name of a variable, expected another name")
        found_names = table.keys()
        self._all = {name: index for index, name in enumerate([*self._now, *found_names])}
        self._now = dict(self._now)
        for name in found_names:
            found[name] = self.expression(table, name)
            self._now[name] = len(self._now)
        return found

    def expression(self, table: Table, key: str, may_be_missing: bool = False) -> str:
        """Return the expression of a key; "" if it may be missing and is."""
        if may_be_missing and key not in table:
            table.text(key, "")
            return ""
        return self.checked(table, key, table.get(key))

    def checked(self, table: Table, key: str, text: Any) -> str:
        """Return an expression of a key after checking it."""
        try:
            build(text, self._now, self._all)
        except ExpressionError as error:
            raise table.refused(key, error) from None
        return text

    def expressions(self, table: Table) -> dict[str, str]:
        """Return a table of expressions."""
        return {name: self.expression(table, name) for name in table.items(_check_label)}


def _check_label(name: str) -> None:
    """Raise ValueError unless `name` can name a term, an end, a start or a figure."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,39}", name):
        raise ExpressionError(f"found {name!r:.60}, expected a name of up to 40 letters, digits and _")


def _hold(table: Table) -> dict[str, Any]:
    x, y = table.integers("stick", -STICK, STICK, 2, (0, 0))
    return {"buttons": table.names("buttons", list(BUTTONS)), "stick": (x, y)}


def _action(table: Table) -> Action:
    action = Action(name=table.text("name", ""), **_hold(table))
    table.end()
    return action


def _actions(table: Table) -> Actions:
    one_by_one = tuple(_action(one) for one in table.tables("list"))
    groups = tuple(
        tuple(_action(one) for one in table.nested(f"groups[{number}]", group))
        for number, group in enumerate(table.list("groups"))
    )
    analog = table.names("analog", ["x", "y", *BUTTONS])
    if sum(map(bool, (one_by_one, groups, analog))) != 1:
        raise table.refused("", "expected exactly one of list, groups and analog, with at least one entry")
    if len(groups) > MAX_GROUPS or any(len(group) < 2 for group in groups):
        raise table.refused("groups", f"expected at most {MAX_GROUPS} groups of two or more actions")
    table.end()
    return Actions(one_by_one, groups, analog)


def _starts(table: Table, names: _Names) -> dict[str, Start]:
    found = {}
    for name in table.items(_check_label):
        one = table.table(name)
        state, movie = (_file_name(one, key) for key in ("state", "movie"))
        presses = tuple(_press(press, names) for press in one.tables("presses"))
        if sum(map(bool, (state, movie, presses))) > 1:
            raise one.refused("", "expected at most one of state, movie and presses")
        if sum(press.limit if press.until else press.vis + press.release for press in presses) > MAX_START_VIS:
            raise one.refused("presses", f"expected presses that take at most {MAX_START_VIS} VIs")
        found[name] = Start(state, movie, presses, names.expression(one, "check", True))
        one.end()
    return found or {"power_on": Start()}


def _file_name(table: Table, key: str) -> str:
    name = table.text(key, "")
    if name and not FILE_NAME.fullmatch(name):
        raise table.error(key, name, "the name of a file in the game's folder: letters, digits, . _ -, and no path")
    return name


def _press(table: Table, names: _Names) -> Press:
    press = Press(
        vis=table.integer("vis", 1, 3600, 2),
        release=table.integer("release", 0, 3600, 2),
        until=names.expression(table, "until", True),
        limit=table.integer("limit", 1, MAX_START_VIS, 600),
        **_hold(table),
    )
    table.end()
    return press


def _figures(table: Table, names: _Names) -> dict[str, Figure]:
    found = {}
    for name in table.items(_check_label):
        one = table.table(name)
        found[name] = Figure(
            names.expression(one, "value"),
            names.expression(one, "when", True),
            one.text("label", ""),
            one.text("unit", ""),
            one.one_of("summary", SUMMARIES, "mean"),
            one.flag("headline", False),
        )
        one.end()
    return found
