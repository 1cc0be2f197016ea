"""a3c64: A3C on a real Nintendo 64 emulator. Importing this package opens no socket and starts no process.

`load`, `evaluate` and `train` are the Python interface. Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from a3c64.api.playing import Policy, State, evaluate, load
    from a3c64.api.training import Training, train
    from a3c64.callback import Callback, Moment, StopTraining
    from a3c64.config import BadInputError

__all__ = [
    "BadInputError", "Callback", "Moment", "Policy", "State", "StopTraining", "Training", "evaluate", "load", "train",
]  # fmt: skip

_MODULES = {
    "a3c64.api.playing": ("Policy", "State", "evaluate", "load"),
    "a3c64.api.training": ("Training", "train"),
    "a3c64.callback": ("Callback", "Moment", "StopTraining"),
    "a3c64.config": ("BadInputError",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name's module, and return what the name stands for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'a3c64' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
