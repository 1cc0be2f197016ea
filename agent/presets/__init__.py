"""Settings that suit a family of environments: one TOML file each, chosen by the environment's id, or by name."""

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.files import read_regular

AUTOMATIC = "auto"
NONE = "none"
SUFFIX = ".toml"  # of the path of a preset, which its name does not have
MAX_FILE = 1 << 20  # bytes; a typical file has 500


class Preset(NamedTuple):
    """The content of one preset file."""

    environments: tuple[str, ...]  # patterns of the environment ids that it is chosen for
    settings: dict[str, Any]


@cache
def presets() -> dict[str, Preset]:
    """Return all presets by name."""
    found = {}
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(SUFFIX):
            data = tomllib.loads(file.read_text())
            found[file.name.removesuffix(SUFFIX)] = Preset(tuple(data.get("environments", ())), data["settings"])
    return found


def read(path: Path) -> dict[str, Any]:
    """Return the settings in a preset's file. Their names and values are not checked.

    Raises:
        ValueError: it cannot be read or has no settings; the message says why.
    """
    try:
        settings = tomllib.loads(read_regular(path, MAX_FILE).decode()).get("settings")
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not TOML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise ValueError("it has no section [settings]")
    return settings


def chosen(name: str, env_id: str) -> dict[str, Any]:
    """Return the settings of a preset; "auto" picks the one that suits the environment, "none" picks none.

    Of several presets that suit it, this is the one with the longest pattern: "ALE/Pong-v5" before "ALE/*".

    Args:
        name: of a preset, or the path of a preset's file.
        env_id: Gymnasium id of the environment.

    Raises:
        KeyError: no preset has that name.
        ValueError: the file cannot be read.
    """
    if name == NONE:
        return {}
    if name.endswith(SUFFIX):
        return read(Path(name))
    if name != AUTOMATIC:
        return presets()[name].settings
    name_of_env = env_id.rpartition(":")[2]  # module:Id has the preset of Id
    suitable = {
        pattern: preset.settings
        for preset in presets().values()
        for pattern in preset.environments
        if fnmatchcase(name_of_env, pattern)
    }
    return suitable[max(suitable, key=len)] if suitable else {}
