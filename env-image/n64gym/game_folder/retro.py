"""Converts a game folder of stable-retro (data.json, scenario.json, metadata.json) into a game.toml.

python -m n64gym import-retro FOLDER --rom game.z64 --out my_game

The format is that of stable-retro's page "Game Integration"; what the page leaves open follows its src/data.cpp,
src/memory.cpp and cores/n64.json.

Addresses: stable-retro plays N64 games with the libretro core parallel_n64, with `rambase` 0 and no `overlay`. So an
address is the index of a byte in RDRAM as the core keeps it: words in the byte order of the host, little-endian. The
byte at index a is the console's byte at address a ^ 3. This is read from their sources. It could not be tried with an
integration of a real N64 game.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from n64gym.game_folder.expressions import LARGEST, RESERVED
from n64gym.game_folder.files import read_file
from n64gym.game_folder.model import OWN_ROM, Action, Actions, GameFile, Start, Variable
from n64gym.game_folder.reader import FILE, MAX_BYTES
from n64gym.game_folder.table import MOST, GameError, Table
from n64gym.game_folder.writer import write_game
from n64gym.machine.memory import DIRECT
from n64gym.machine.rom import OPEN_KART, Rom, RomError, open_rom
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.settings import nearest

KSEG0 = 0x80000000
TYPE = re.compile(r"(\||=|<|>|><|<>|>=|<=)([uidn])([1-4])")  # byte order, representation, bytes
LONGEST_ORIGINAL = 24  # characters of a variable's name that are kept; leaves room for endings
LONGEST_NAME = 32
DEEPEST = 20  # levels of done.nodes
MAX_REWARD = 1e9
OPERATIONS = {
    "equal": "{value} == {reference}",
    "negative-equal": "{value} == {negative}",
    "not-equal": "{value} != {reference}",
    "less-than": "{value} < {reference}",
    "greater-than": "{value} > {reference}",
    "less-or-equal": "{value} <= {reference}",
    "greater-or-equal": "{value} >= {reference}",
    "nonzero": "{value} != 0",
    "zero": "{value} == 0",
    "negative": "{value} < 0",
    "positive": "{value} > 0",
}
DIGITS = {  # one byte of a number: u and i binary, d two decimal digits, n one decimal digit
    "u": (256, "{byte}"),
    "i": (256, "{byte}"),
    "d": (100, "(({byte} >> 4) % 10 * 10 + ({byte} & 15) % 10)"),
    "n": (10, "(({byte} & 15) % 10)"),
}
BUTTONS = {
    "A": "A", "B": "B", "Z": "Z", "START": "START", "L": "L", "R": "R",
    "UP": "D_UP", "DOWN": "D_DOWN", "LEFT": "D_LEFT", "RIGHT": "D_RIGHT",
    "C-UP": "C_UP", "C-DOWN": "C_DOWN", "C-LEFT": "C_LEFT", "C-RIGHT": "C_RIGHT",
}  # fmt: skip
STICK_AND_BUTTONS = Actions(
    groups=(
        (Action(), Action(stick=(-80, 0), name="left"), Action(stick=(80, 0), name="right")),
        (Action(), Action(stick=(0, 80), name="up"), Action(stick=(0, -80), name="down")),
        (Action(), *(Action(buttons=(button,), name=button) for button in ("A", "B", "Z"))),
    )
)  # stable-retro has no stick: its default is the D-pad, which most N64 games ignore


class Converted(NamedTuple):
    """A game, and what its author has to know, one line each."""

    game: GameFile
    notes: list[str]


def convert(folder: str | Path, rom: Rom) -> Converted:
    """Return the game that a game folder of stable-retro describes. Raises GameError."""
    folder = Path(folder)
    data = _Data(_json(folder, "data.json").table("info"))
    scenario = _json(folder, "scenario.json")
    if scenario.list("scripts"):
        raise _script(scenario, "scripts")
    actions, notes = _actions(scenario), []
    if "actions" not in scenario:
        notes.append("scenario.json has no actions: the agent gets the stick and A, B, Z; change [actions] as you like")
    notes += _rom_note(folder, rom)
    start = "power_on"
    if (folder / "metadata.json").exists() and (state := _json(folder, "metadata.json").text("default_state", "")):
        start = _unused(state, set())
        notes.append(
            f"{state}.state is a savestate of another emulator and cannot be used: [starts.{start}] begins at power-on "
            "until you add the way to the start, for example with a3c64 integrate"
        )
    title = "".join(one for one in rom.name if one.isprintable())
    name = folder.resolve().name
    game = GameFile(
        name=name if name and name.isprintable() else title or "game",
        rom_sha1=OWN_ROM if rom.path == OPEN_KART.resolve() else rom.sha1,
        rom_name=title,
        variables=data.variables,
        values=data.values,
        actions=actions,
        starts={start: Start()},
        reward=_rewards(scenario, data),
        done=_done(scenario.table("done"), data),
    )
    return Converted(game, notes)


def _json(folder: Path, name: str) -> Table:
    try:
        values = json.loads(read_file(folder, name, MAX_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, GameError):
            raise
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
        raise GameError(f"{folder / name} is not JSON: {reason}") from None
    return Table(str(folder / name), "", values)


def _rom_note(folder: Path, rom: Rom) -> list[str]:
    if not (folder / "rom.sha").exists():
        return []
    known = re.findall("[0-9a-f]{40}", read_file(folder, "rom.sha", 4096).decode("ascii", "replace").lower())
    if rom.sha1 in known:
        return []
    return [f"rom.sha does not name this ROM (SHA-1 {rom.sha1} in z64 order), so the addresses may not fit it"]


def _script(table: Table, key: str) -> GameError:
    return table.error(key, table.get(key), "no script: rewrite it as expressions in [reward] or [done], docs/games.md")


def _unused(name: str, taken: set[str]) -> str:
    """Return a valid name that is not taken, as similar to `name` as possible, and take it."""
    text = re.sub("[^A-Za-z0-9]", "_", name)[:LONGEST_NAME]
    text = text if re.match("[A-Za-z]", text) else f"v{text}"
    if text in RESERVED or keyword.iskeyword(text):
        text += "_"
    found, number = text, 1
    while found in taken:
        number += 1
        found = f"{text}_{number}"
    taken.add(found)
    return found


class _Data:
    """The variables of data.json. What has no type of ours gets a value that computes it from its bytes."""

    def __init__(self, info: Table) -> None:
        self.names: dict[str, str] = {}  # stable-retro's -> ours
        self.variables: dict[str, Variable] = {}
        self.values: dict[str, str] = {}
        self._taken: set[str] = set()
        originals = info.keys()
        for name in originals:  # before any name of a part, so that these keep theirs
            self.names[name] = _unused(name[:LONGEST_ORIGINAL], self._taken)
        for name in originals:
            self._add(name, info.table(name))

    def _add(self, original: str, one: Table) -> None:
        found = TYPE.fullmatch(kind := one.text("type"))
        if found is None:
            raise one.error("type", kind, 'a byte order (| < > = >< <>), u, i, d or n, and 1 to 4 bytes, such as "|u1"')
        order, representation, width = found[1], found[2], int(found[3])
        address = one.address("address") & DIRECT
        if address + width > RDRAM_BYTES:
            raise one.refused("address", f"found {address:#x}, expected an address up to {RDRAM_BYTES - width:#x}")
        mask = _mask(one, width, representation)
        name = self.names[original]
        note = "" if name == original else f"stable-retro: {ascii(original)[1:-1]:.60}"
        places = significance(order, width)
        is_whole = width in (1, 2, 4) and address % width == 0 and places == list(range(width))
        if is_whole and representation in "ui":
            kind = f"{'s' if representation == 'i' else 'u'}{8 * width}"
            there = name if mask is None else _unused(f"{name}_raw", self._taken)
            self.variables[there] = Variable(KSEG0 + (address ^ 4 - width), kind, note=note)
            value = there
        else:
            base, byte = DIGITS[representation]
            parts = []
            for offset, place in enumerate(places):
                there = _unused(f"{name}_byte{place}", self._taken)
                kind = "s8" if representation == "i" and place == width - 1 else "u8"
                self.variables[there] = Variable(KSEG0 + (address + offset ^ 3), kind, note=note)
                parts.append(f"{base**place} * {byte.format(byte=there)}")
            value = " + ".join(parts)
        if value != name:
            self.values[name] = value if mask is None else f"({value}) & {mask}"

    def measured(self, spec: Table, variables: Table, name: str, default: str) -> str:
        """Return the expression that a condition or reward measures."""
        if name not in self.names:
            hint = nearest(name, list(self.names))
            raise variables.refused(name, f"found a name that data.json does not have{hint}")
        measurement = spec.one_of("measurement", ("absolute", "delta"), default)
        return f"delta({self.names[name]})" if measurement == "delta" else self.names[name]


def significance(order: str, width: int) -> list[int]:
    """Return the significance of each byte of a number, 0 = least. Mixed orders: the halves in one order, the bytes in
    each half in the other. `=` is the host's order, little-endian."""
    half = width // 2
    if order == ">":
        return list(range(width))[::-1]
    if order == "<>":
        return [*range(half)][::-1] + [*range(half, width)][::-1]
    if order in ("><", ">="):
        return [*range(width - half, width), *range(width - half)]
    return list(range(width))


def _mask(one: Table, width: int, representation: str) -> int | None:
    """Return the mask of a variable; None if it keeps the whole number."""
    mask = one.integer("mask", 0, 2**64 - 1, 2**64 - 1)
    if mask == 2**64 - 1:
        return None
    if representation == "u":
        mask &= 256**width - 1
        return None if mask == 256**width - 1 else mask
    if mask > LARGEST:
        raise one.error("mask", mask, "a mask below 2^53")
    return mask


def _rewards(scenario: Table, data: _Data) -> dict[str, str]:
    players = list(scenario.tables("rewards"))
    if len(players) > 1 or (players and "reward" in scenario):
        raise scenario.refused("rewards", f"found the rewards of {len(players)} players, expected those of one")
    reward = players[0] if players else scenario.table("reward")
    if "script" in reward:
        raise _script(reward, "script")
    terms = {}
    if "time" in reward:
        terms["time"] = _time(reward.table("time"))
    variables = reward.table("variables")
    names = variables.keys()
    for name in names:
        spec = variables.table(name)
        value = data.measured(spec, variables, name, "delta")
        terms[data.names[name]] = _term(spec, value, value.startswith("delta("))
    return {name: term for name, term in terms.items() if term}


def _time(spec: Table) -> str:
    """Return the reward of the time of a step. stable-retro measures 1 in each frame, so a penalty never applies."""
    spec.one_of("measurement", ("absolute", "delta"), "delta")
    reward, test = _factor(spec, "reward"), _test(spec, "1")
    return f"vis * {reward}" + (f" * ({test})" if test else "") if reward != "0" else ""


def _term(spec: Table, value: str, is_delta: bool) -> str:
    """Return the reward of a step: the measured number times `reward` if it is > 0, times `penalty` if it is < 0.

    stable-retro adds a number that is not a difference in each frame, so it counts once for each VI of the step.
    """
    test = _test(spec, value)
    if spec.get("op", "") == "sign":
        value = f"sign({value})"
    reward, penalty = _factor(spec, "reward"), _factor(spec, "penalty")
    if test:
        term = f"{reward} * ({test})" if reward != "0" else ""
    elif reward == penalty:
        term = f"{reward} * {value}" if reward != "0" else ""
    else:
        parts = [f"{factor} * {which}({value}, 0)" for factor, which in ((reward, "max"), (penalty, "min"))]
        term = " + ".join(part for part in parts if not part.startswith("0 *"))
    return term if is_delta or not term else f"vis * ({term})"


def _test(spec: Table, value: str) -> str:
    """Return the comparison of a reward or condition; "" if it is the number itself, or its sign."""
    operation = spec.one_of("op", ("", *OPERATIONS, "sign"), "")
    reference = spec.integer("reference", -LARGEST, LARGEST, 0)
    if operation in ("", "sign"):
        return ""
    return OPERATIONS[operation].format(value=value, reference=reference, negative=-reference)


def _factor(spec: Table, key: str) -> str:
    value = spec.number(key, -MAX_REWARD, MAX_REWARD, 0.0)
    return str(int(value)) if value.is_integer() else repr(value)


def _done(done: Table, data: _Data) -> dict[str, str]:
    if "script" in done:
        raise _script(done, "script")
    conditions = _conditions(done, data, 0)
    if _needs_all(done):
        if not conditions:
            raise done.refused("condition", 'found "all" without conditions, which would end every episode at once')
        return {"all": " and ".join(conditions.values())}
    return conditions


def _needs_all(node: Table) -> bool:
    return node.one_of("condition", ("any", "all"), "any") == "all"


def _conditions(node: Table, data: _Data, depth: int) -> dict[str, str]:
    """Return the conditions of a node by name."""
    if depth > DEEPEST:
        raise node.refused("", f"found more than {DEEPEST} levels of nodes")
    taken: set[str] = set()
    found = {}
    variables, nodes = node.table("variables"), node.table("nodes")
    names, inner_names = variables.keys(), nodes.keys()
    for name in names:
        spec = variables.table(name)
        value = data.measured(spec, variables, name, "absolute")
        found[_unused(name, taken)] = _test(spec, value) or f"{value} > 0"
    for name in inner_names:
        inner = nodes.table(name)
        word, empty = ("and", "1") if _needs_all(inner) else ("or", "0")
        found[_unused(name, taken)] = f"({f' {word} '.join(_conditions(inner, data, depth + 1).values()) or empty})"
    return found


def _actions(scenario: Table) -> Actions:
    groups = []
    for number, group in enumerate(scenario.list("actions")):
        key = f"actions[{number}]"
        if not isinstance(group, list) or len(group) > MOST:
            raise scenario.error(key, group, "a list of actions, each a list of buttons")
        groups.append(tuple(_action(scenario, key, one) for one in group))
    return Actions(groups=tuple(groups)) if groups else STICK_AND_BUTTONS


def _action(scenario: Table, key: str, buttons: object) -> Action:
    if not isinstance(buttons, list) or len(buttons) > MOST:
        raise scenario.error(key, buttons, "a list of actions, each a list of buttons")
    for one in buttons:
        if not isinstance(one, str) or one not in BUTTONS:
            raise scenario.error(key, one, f"a button of the N64: {', '.join(BUTTONS)}")
    return Action(buttons=tuple(BUTTONS[one] for one in dict.fromkeys(buttons)))


def main(arguments: Sequence[str]) -> int:
    """Convert a folder, print what is left to do, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m n64gym import-retro",
        description="Convert a game folder of stable-retro into one of n64gym. docs/games.md describes both.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="has data.json, scenario.json and metadata.json")
    parser.add_argument("--rom", required=True, help="the game's ROM")
    parser.add_argument("--out", required=True, type=Path, metavar="GAME", help="the game folder to make")
    parsed = parser.parse_args(arguments)
    target = parsed.out / FILE
    try:
        if target.exists():
            raise GameError(f"{target} is there already; name another folder with --out")
        game, notes = convert(parsed.folder, open_rom(parsed.rom))
        write_game(game, parsed.out)
    except (GameError, RomError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{target} cannot be written: {error.strerror}")
    counts = f"{len(game.variables)} variables, {len(game.reward)} rewards, {len(game.done)} ends"
    for line in (f"{target}: {counts}", *notes):
        print(_printable(line))
    return 0


def _fail(line: str) -> int:
    print(_printable(f"error: {line}"), file=sys.stderr)
    return 2


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)  # no terminal escapes
