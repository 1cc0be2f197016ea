"""The user's own code, named as module:name: an environment's module, a wrapper, a reward, a network, a callback."""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from a3c64.config import BadInputError, named, nearest
from a3c64.envs.failures import place_of


class WorkingFolder(MetaPathFinder):
    """Finds modules in the working folder.

    It comes last in sys.meta_path, so that a user's worker.py or queue.py does not replace an installed module of the
    same name. A folder at the end of sys.path would come too early: the finders of packages that are installed with
    `pip install -e` come after sys.path.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a top-level module in the folder, else None."""
        return None if path is not None else PathFinder.find_spec(name, [self._folder], target)


def module_of(setting: str, module: str) -> ModuleType:
    """Import a module by name, from the installed packages or else from the working folder.

    Args:
        setting: the setting that names it, for the error.
        module: its name.

    Raises:
        BadInputError: there is no such module, or its import raises an exception.
    """
    folder = os.getcwd()
    if not any(isinstance(finder, WorkingFolder) for finder in sys.meta_path):
        sys.meta_path.append(WorkingFolder(folder))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            files = sorted(path.stem for path in Path(folder).glob("*.py"))
            hint = nearest(module, files) or f": it is neither installed nor in {folder}"
            raise BadInputError(f"{named(setting)}: there is no module {module!r}{hint}") from None
        raise BadInputError(f"{named(setting)}: {module} cannot be imported: {place_of(error)}") from None
    except (Exception, SystemExit) as error:  # a user's module may raise anything on import
        raise BadInputError(f"{named(setting)}: {module} cannot be imported: {place_of(error)}") from None


def load(setting: str, name: str) -> Any:
    """Import and return what `module:name` names, a class or another callable.

    Raises:
        BadInputError: the module cannot be imported, or has no such callable.
    """
    module, _, path = name.partition(":")
    found: Any = module_of(setting, module)
    for part in path.split("."):
        known = [other for other in vars(found) if not other.startswith("_")] if hasattr(found, "__dict__") else []
        try:
            found = getattr(found, part)
        except AttributeError:
            raise BadInputError(f"{named(setting)}: {module} has no {path!r}{nearest(path, known)}") from None
    if not callable(found):
        raise BadInputError(f"{named(setting)}: {name} must be a class or a function, found {found!r:.60}")
    return found
