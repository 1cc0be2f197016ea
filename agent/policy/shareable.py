"""What a file that is to be shared tells about the machine it was made on: of a path, only the last name."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any


def shareable(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters with the last name of each absolute path, also in the environment's arguments.

    Such a path names a game's folder or ROM, a cache, or the folder of demonstrations. Another machine cannot use it,
    and it often has the user's name in it.
    """
    told = {name: _without_folders(value) for name, value in hyperparameters.items()}
    arguments = json.loads(hyperparameters.get("env_args", "{}"))
    if (named := _without_folders(arguments)) != arguments:
        told["env_args"] = json.dumps(named)
    return told


def _without_folders(value: Any) -> Any:
    """Return a value of JSON with the last name of each absolute path in it."""
    if isinstance(value, dict):
        return {name: _without_folders(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_folders(one) for one in value]
    if isinstance(value, str) and value.startswith(("/", "~")):
        return PurePosixPath(value).name or value
    return value
