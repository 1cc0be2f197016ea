"""Writes a game folder's game.toml. `parse(text_of(game))` gives the same game again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from n64gym.files import write_whole
from n64gym.game_folder.model import Figure, GameFile, Hold, Press, Variable
from n64gym.game_folder.reader import FILE, FORMAT, parse

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def write_game(game: GameFile, folder: str | Path) -> None:
    """Write game.toml into a folder, which is made if it is missing. Raises GameError, OSError."""
    text = text_of(game)
    path = Path(folder) / FILE
    parse(text.encode(), str(path))  # what cannot be read again is not written
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def text_of(game: GameFile) -> str:
    """Return the text of a game.toml."""
    return "\n".join(_lines(game)) + "\n"


def _lines(game: GameFile) -> Iterator[str]:
    yield f"format = {FORMAT}"
    yield f"name = {_text(game.name)}"
    yield f"frameskip = {game.frameskip}"
    if game.controller_pak:
        yield "controller_pak = true"
    yield from _table("rom", {"name": game.rom_name, "sha1": game.rom_sha1})
    yield from _table("picture", {"size": list(game.picture), "video": game.video})
    yield from ("", "[variables]")
    for name, variable in game.variables.items():
        yield f"{name} = {_variable(variable)}"
    for name in ("values", "reward", "done", "truncated"):
        if found := getattr(game, name):
            yield from _table(name, found)
    limits: dict[str, Any] = {"time": game.time_limit}
    if game.stuck_limit or game.progress:
        limits |= {"stuck": game.stuck_limit, "progress": game.progress}
    yield from _table("limits", limits)
    yield from _actions(game)
    for name, start in game.starts.items():
        yield from ("", f"[starts.{name}]")
        for key in ("state", "movie", "check"):
            if getattr(start, key):
                yield f"{key} = {_text(getattr(start, key))}"
        if start.presses:
            yield from _list("presses", start.presses)
    if game.telemetry:
        yield from _table("telemetry", game.telemetry)
    for name, figure in game.figures.items():
        yield from ("", f"[figures.{name}]")
        yield from (f"{key} = {_value(value)}" for key, value in _changed(figure).items())
    if game.lap_times:
        yield from _table("laps", {"times": list(game.lap_times)})


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"[{name}]")
    yield from (f"{key} = {_value(value)}" for key, value in values.items())


def _actions(game: GameFile) -> Iterator[str]:
    yield from ("", "[actions]")
    if game.actions.list:
        yield from _list("list", game.actions.list)
    elif game.actions.groups:
        yield "groups = ["
        for group in game.actions.groups:
            yield "  ["
            yield from (f"    {_inline(_changed(one))}," for one in group)
            yield "  ],"
        yield "]"
    else:
        yield f"analog = {_value(list(game.actions.analog))}"


def _list(name: str, holds: tuple[Hold, ...]) -> Iterator[str]:
    yield f"{name} = ["
    yield from (f"  {_inline(_changed(one))}," for one in holds)
    yield "]"


def _variable(variable: Variable) -> str:
    parts = {"address": f"{variable.address:#010x}", "type": _text(variable.type)}
    if variable.follow:
        parts["follow"] = "[" + ", ".join(f"{one:#x}" if one >= 0 else f"{one}" for one in variable.follow) + "]"
    if variable.bits:
        parts["bits"] = _value(list(variable.bits))
    if variable.note:
        parts["note"] = _text(variable.note)
    return "{ " + ", ".join(f"{key} = {value}" for key, value in parts.items()) + " }"


def _changed(one: Hold | Figure | Press) -> dict[str, Any]:
    """Return the fields that differ from their defaults. An action's name comes first."""
    found = {
        field.name: getattr(one, field.name)
        for field in fields(one)
        if field.default is MISSING or getattr(one, field.name) != field.default
    }
    return {"name": found["name"], **found} if "name" in found else found


def _inline(values: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in values.items()) + " }" if values else "{}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    return '"' + "".join(ESCAPES.get(one, one) for one in value) + '"'
