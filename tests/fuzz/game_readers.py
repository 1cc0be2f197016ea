"""The readers of files about a game, which may be a stranger's: game.toml, savestates, saves, and stable-retro's."""

import base64
import gzip
import json
import tomllib
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_text, damaged_value
from refusals import refusal

import n64gym
from n64gym import GameError, GameFile
from n64gym.game_folder import retro
from n64gym.game_folder.actions import action_space
from n64gym.game_folder.expressions import BUILT_IN, result
from n64gym.game_folder.program import Program
from n64gym.game_folder.starts import read_state
from n64gym.machine import rom
from n64gym.machine.memory import Memory
from n64gym.machine.saves import SAVED_BYTES, blank, from_text, to_text
from n64gym.machine.shared import RDRAM_BYTES, SAVES_BYTES
from n64gym.machine.state import COUNTS

OPEN_KART = Path(n64gym.__file__).parent / "game_folder" / "openkart" / "game.toml"
MEMORY = Memory(np.random.default_rng(0).integers(0, 2**32, RDRAM_BYTES // 4, np.uint32))
EXPRESSIONS = (
    "speed.__class__", "().__class__", "prev.x", "delta(delta(x))", "a" * 600, "(" * 200, "- " * 200 + "1",
    "speed << 99", "speed / 0", "1e308 * 1e308 * speed", "x if y", "lambda: 0", "'a' * 9", "speed ** speed",
    "[speed]", "f(x)(y)",
)  # fmt: skip


def games() -> st.SearchStrategy[dict[str, bytes]]:
    """Draw damaged game.toml files: mostly with damaged values, else with damaged bytes."""
    text = OPEN_KART.read_bytes()
    valid = tomllib.loads(text.decode())
    damaged = damaged_value(valid).map(toml)
    odd = st.sampled_from(EXPRESSIONS).map(lambda one: toml({**valid, "reward": {"odd": one}, "values": {"odd": one}}))
    return (damaged | damaged | odd | damaged_bytes(text, len(text))).map(lambda data: {"game.toml": data})


def toml(value: Any) -> bytes:
    """Return a mapping as TOML, with all values in line."""
    return "".join(f"{key(name)} = {inline(one)}\n" for name, one in value.items()).encode(errors="surrogatepass")


def key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and value.startswith("@deep"):
        return "[" * 900 + "]" * 900
    return json.dumps(value, ensure_ascii=False)


def read_game(folder: Path) -> bool:
    try:
        game = n64gym.read_game(folder)
    except GameError as error:
        return refusal(error)
    return use(game, folder)


def use(game: GameFile, folder: Path) -> bool:
    program = Program(game)
    before = program.read(MEMORY, [0] * len(BUILT_IN), [0] * len(program.names))
    now = program.read(MEMORY, [4, 4 / 60, 1.0, 1, 0, 0], before)
    for function in (*program.reward.values(), *program.done.values(), *program.telemetry, *program.figures.values()):
        assert np.isfinite(float(result(function, now, before)))
    actions = action_space(game.actions)
    assert 0 <= actions.word(actions.space().sample()) < 2**32
    n64gym.write_game(game, folder / "again")
    assert n64gym.read_game(folder / "again") == game
    return True


def retro_folders() -> st.SearchStrategy[dict[str, bytes]]:
    """Draw game folders of stable-retro in which one or all files are damaged."""
    spec = {"measurement": "delta", "op": "less-than", "reference": 3}
    node = {"condition": "all", "variables": {"lives": spec}, "nodes": {"inner": {"variables": {"score": {}}}}}
    valid = {
        "data.json": {
            "info": {
                "score": {"address": 0x80001001, "type": ">d4", "mask": 0xFFFF},
                "lives": {"address": 8, "type": "<i2"},
            }
        },
        "scenario.json": {
            "reward": {
                "variables": {"score": {"reward": 0.5}, "lives": {**spec, "penalty": 2}},
                "time": {"reward": -1},
            },
            "done": {"condition": "any", "variables": {"lives": {"op": "zero"}}, "nodes": {"lost": node}},
            "actions": [[[], ["LEFT"], ["RIGHT"]], [[], ["A", "Z"]]],
        },
        "metadata.json": {"default_state": "Level1"},
    }
    plain = {name: json.dumps(value).encode() for name, value in valid.items()}
    all_damaged = st.fixed_dictionaries({name: damaged_text(value) for name, value in valid.items()})
    one_damaged = [
        damaged_text(value).map(lambda data, name=name: {**plain, name: data}) for name, value in valid.items()
    ]
    return st.one_of(*one_damaged, all_damaged)


def read_retro(folder: Path) -> bool:
    try:
        game, notes = retro.convert(folder, n64gym.open_rom(rom.OPEN_KART))
        n64gym.write_game(game, folder / "converted")
    except GameError as error:
        return refusal(error)
    assert n64gym.read_game(folder / "converted") == game
    assert all(len(note) < 1000 for note in notes)
    return use(game, folder)


def states() -> st.SearchStrategy[dict[str, bytes]]:
    """Draw damaged savestates: their compressed bytes, or what is in them."""
    plain = COUNTS.pack(100, 2, 2, 0, 0, 0) + bytes(8) + bytes(SAVES_BYTES) + b"machine"
    inner = damaged_bytes(plain, 40).map(lambda data: gzip.compress(data, 1))
    return (inner | damaged_bytes(gzip.compress(plain), 200)).map(lambda data: {"x.state": data})


def read_savestate(folder: Path) -> bool:
    try:
        state = read_state(folder, "x.state")
    except GameError as error:
        return refusal(error)
    return len(state.saves) == SAVES_BYTES


SAVE = bytes(range(256)) * 2  # the contents of a small EEPROM


def save_files() -> st.SearchStrategy[dict[str, bytes]]:
    """Draw damaged files of saves, and damaged texts as a movie's JSON may have them."""
    named = st.sampled_from(("x.eep", "x.eep", "x.sra", "x.MPK", "x.m64"))
    eeprom = st.tuples(named, damaged_bytes(SAVE, len(SAVE))).map(lambda one: {one[0]: one[1]})
    pak = damaged_bytes(bytes(0x8000), 0x8000).map(lambda data: {"x.mpk": data})
    contents = blank()[:-1] + b"x"  # compressed to 400 characters
    text = damaged_bytes(to_text(contents).encode(), 400).map(lambda data: {"text": data})
    packed = damaged_bytes(zlib.compress(contents), 400).map(lambda data: {"text": base64.b64encode(data)})
    return eeprom | pak | text | packed


def read_save_files(folder: Path) -> bool:
    [path] = folder.iterdir()
    try:
        if path.name == "text":
            contents = from_text(path.read_bytes().decode(errors="replace"))
        else:
            contents = from_text(n64gym.read_saves(path))
            kept = path.read_bytes()
            assert contents.count(kept) if len(kept) > 0x200 else contents.startswith(kept)
    except ValueError as error:
        return refusal(error)
    assert len(contents) == SAVED_BYTES
    return from_text(to_text(contents)) == contents
