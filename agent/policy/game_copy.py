"""A run's copy of its game folder (n64gym/Game-v0), so that the run's folder has all that `eval` and a restart need."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENV_ID = "n64gym/Game-v0"
ARGUMENT = "game"  # of the environment: the path of the game's folder
FOLDER = "game"  # the copy, in the run's folder
FILE = "game.toml"  # the copy's last file to be written


def copy_of(run_dir: Path) -> Path | None:
    """Return the folder of a run's copy; None if there is no complete one."""
    copy = run_dir / FOLDER
    return copy if (copy / FILE).is_file() else None


def naming(arguments: Mapping[str, Any], folder: Path) -> str:
    """Return an environment's arguments, with this game folder, as JSON."""
    return json.dumps({**arguments, ARGUMENT: str(folder.resolve())})


def with_copy(known: dict[str, Any], run_dir: Path) -> dict[str, Any]:
    """Return recorded hyperparameters with the path of the run's copy, because the run's folder may have been moved."""
    copy = copy_of(run_dir) if known.get("env_id") == ENV_ID else None
    if copy is None:
        return known
    try:
        arguments = json.loads(known.get("env_args", "{}"))
    except (TypeError, ValueError, RecursionError):
        return known
    return {**known, "env_args": naming(arguments, copy)} if isinstance(arguments, dict) else known
