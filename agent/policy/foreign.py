"""What a policy file may choose. Its author may be a stranger, so it names no code to import and no path.

A run's folder is the user's own: its environment and arguments are used as they are.
"""

import json
import logging
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from a3c64.config import BadInputError, flag
from a3c64.hyperparameters import OWN, Hyperparameters, listed

log = logging.getLogger(__name__)

PATHS = ("cache", "game", "rom")  # arguments of n64gym's environments that are paths


def code_of(hyperparameters: Hyperparameters) -> dict[str, str]:
    """Return the settings whose value names a module to import: setting -> value."""
    named = {name: getattr(hyperparameters, name) for name in ("env_id", *OWN)}
    return {name: value for name, value in named.items() if value and ":" in value}


def check_code(
    hyperparameters: Hyperparameters,
    file: Path,
    given: Mapping[str, Any],
    used: Container[str] = ("env_id", *OWN),
    by: str = "policy",
) -> None:
    """Refuse a policy file that names modules to import, unless the user named the same.

    Args:
        hyperparameters: found in the policy file, with the user's own in place of those that the user replaces.
        file: the policy file.
        given: the settings that the user gave.
        used: the settings whose modules would be imported.
        by: the setting or option that names the file.

    Raises:
        BadInputError: a setting names a module, and the user did not give the same value.
    """
    named = code_of(hyperparameters)
    code = {name: value for name, value in named.items() if name in used and given.get(name) != value}
    if code:
        modules = ", ".join(name.rpartition(":")[0] for value in code.values() for name in listed(value))
        flags = " ".join(f"{flag(name)} {value}" for name, value in code.items())
        raise BadInputError(
            f"{flag(by)}: {file} would import {modules} and run that code; if you trust the code, give {flags}"
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
