"""Settings that suit a family of environments: one TOML file each, chosen by the environment's id, or by name."""

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

AUTOMATIC = "auto"
NONE = "none"


class Preset(NamedTuple):
    """The content of one preset file."""

    environments: tuple[str, ...]  # patterns of the environment ids that it is chosen for
    settings: dict[str, Any]


@cache
def presets() -> dict[str, Preset]:
    """Return all presets by name."""
    found = {}
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text())
            found[file.name.removesuffix(".toml")] = Preset(tuple(data["environments"]), data["settings"])
    return found


def chosen(name: str, env_id: str) -> dict[str, Any]:
    """Return the settings of a preset; "auto" picks the first that matches the environment, "none" picks none.

    Raises:
        KeyError: no preset has that name.
    """
    if name == NONE:
        return {}
    if name != AUTOMATIC:
        return presets()[name].settings
    name_of_env = env_id.rpartition(":")[2]  # module:Id has the preset of Id
    for preset in presets().values():
        if any(fnmatchcase(name_of_env, pattern) for pattern in preset.environments):
            return preset.settings
    return {}
