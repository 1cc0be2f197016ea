"""What a policy file says of itself, for tests that write it back changed."""

from pathlib import Path
from typing import Any

from a3c64.policy import policy_file


def facts_of(path: Path) -> dict[str, Any]:
    """Return the facts of a policy file as its JSON has them, with step 1, without a score and a command."""
    loaded = policy_file.load(path)
    return {
        "format": "1",
        "parameters": [[s.name, list(s.shape), s.gain] for s in loaded.specs],
        "hyperparameters": loaded.hyperparameters.model_dump(),
        "step": 1,
        "score": None,
        "command": "",
    }
