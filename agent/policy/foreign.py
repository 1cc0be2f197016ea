"""What a policy file may choose. Its author may be a stranger, so it names no code to import and no path.

A run's folder is the user's own: its environment and arguments are used as they are.
"""

import json
import logging
from pathlib import Path
from typing import Any

from a3c64.config import BadInputError
from a3c64.hyperparameters import Hyperparameters

log = logging.getLogger(__name__)

PATHS = ("cache", "rom")  # arguments of n64gym's environments that are paths


def check_id(env_id: str, file: Path, named: str) -> None:
    """Refuse an environment whose module would be imported, unless the user named the same environment.

    Args:
        env_id: found in the policy file.
        file: the policy file.
        named: the environment's id that the user gave; "" if none.

    Raises:
        BadInputError: the id names a module, and the user did not give the same id.
    """
    if ":" in env_id and env_id != named:
        raise BadInputError(
            f"--policy: {file} plays in {env_id}, so it would import {env_id.rpartition(':')[0]} and run that code; "
            f"if you trust the code, give --env-id {env_id}"
        )


def without_paths(hyperparameters: Hyperparameters, file: Path) -> Hyperparameters:
    """Return the hyperparameters of a policy file without paths in the environment's arguments. Log those left out."""
    arguments = json.loads(hyperparameters.env_args)
    kept = {name: value for name, value in arguments.items() if not _has_path(name, value)}
    if left_out := [name for name in arguments if name not in kept]:
        log.warning(
            "%s: arguments that are paths are left out: %s; give your own with --rom or --env-args",
            file,
            ", ".join(f"{name} {json.dumps(arguments[name])[:80]}" for name in left_out),
        )
    return hyperparameters.model_copy(update={"env_args": json.dumps(kept)}) if left_out else hyperparameters


def _has_path(name: str, value: Any) -> bool:
    """Return whether an argument is a path or the name of a module, or contains one."""
    if isinstance(value, dict):
        return any(_has_path(name, one) for name, one in value.items())
    if isinstance(value, list):
        return any(_has_path(name, one) for one in value)
    if not isinstance(value, str):
        return False
    return name in PATHS or value.startswith((".", "~")) or any(c in value for c in "/\\:")
