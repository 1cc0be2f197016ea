"""The readers of files with settings, which people share: a sweep's file and a preset's."""

import tomllib
from pathlib import Path

from game_readers import toml
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_value
from refusals import refusal

from a3c64.config import BadInputError, load
from a3c64.sweep import space

SWEEP = b"""
run = {env_id = "Hopper-v5", total_timesteps = 300, seeds = [1, 2], workers = 1, env_args = {laps = 1}}
space = {learning_rate = {low = 1e-4, high = 3e-3, log = true}, t_max = [8, 16], lstm_size = {low = 8, high = 64}}
"""
PRESET = b"""
environments = ["Hopper-*"]
settings = {t_max = 8, learning_rate = 1e-3, rewards = "scaled", normalise_observations = true, stop_at_reward = 3.5}
"""


def damaged(text: bytes, name: str) -> st.SearchStrategy[dict[str, bytes]]:
    whole = damaged_value(tomllib.loads(text.decode())).map(toml_or_text)
    return (whole | whole | damaged_bytes(text, len(text))).map(lambda data: {name: data})


def toml_or_text(value: object) -> bytes:
    return toml(value) if isinstance(value, dict) else str(value).encode(errors="replace")


def sweeps() -> st.SearchStrategy[dict[str, bytes]]:
    return damaged(SWEEP, "sweep.toml")


def read_sweep(folder: Path) -> bool:
    try:
        found = space.read(folder / "sweep.toml")
    except BadInputError as error:
        return refusal(error)
    assert found.steps >= len(found.seeds) >= 1
    assert found.text
    assert isinstance(found.holds(load({}).model_dump()), bool)
    for searched in found.ranges.values():
        assert searched.low < searched.high if isinstance(searched, space.Range) else len(set(searched)) > 1
    return True


def presets() -> st.SearchStrategy[dict[str, bytes]]:
    return damaged(PRESET, "preset.toml")


def read_preset(folder: Path) -> bool:
    try:
        load({"preset": str(folder / "preset.toml")}).hyperparameters()
    except BadInputError as error:
        return refusal(error)
    return True
