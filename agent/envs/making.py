"""Make environments by their Gymnasium id; errors in an id or an argument become one line."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from a3c64.config import BadInputError, named, nearest
from a3c64.envs.car_racing import CarRacingFrameSkip, is_car_racing
from a3c64.envs.failures import failed, is_about_the_rom, place_of
from a3c64.envs.figures import UNDECLARED, Figures, declared_in
from a3c64.envs.frame_skip import FrameSkip
from a3c64.envs.own_code import module_of
from a3c64.envs.own_parts import OwnParts
from a3c64.envs.plugins import RETRO, is_installed, load, offer_retro, plugin_of
from a3c64.hyperparameters import Hyperparameters

OBS_TYPES = {"rgb": "rgb", "grey": "grayscale"}  # our name -> ALE's


def make_one(hyperparameters: Hyperparameters, rom: str = "", render: bool = False) -> gym.Env:
    """Make one environment; `render` gives it render_mode "rgb_array".

    Raises:
        BadInputError: the id is unknown, or the environment refuses its arguments.
    """
    spec, parts = find(hyperparameters.env_id), OwnParts(hyperparameters)
    arguments: dict[str, Any] = {"render_mode": "rgb_array"} if render else {}
    skip, n64 = hyperparameters.frameskip, is_n64(spec)
    takes = accepted(spec) if n64 else []
    if skip and ("frameskip" in takes or is_ale(spec)):
        arguments["frameskip"] = skip
        skip = 0
    if hyperparameters.sticky_actions and is_ale(spec):
        arguments["repeat_action_probability"] = hyperparameters.sticky_actions
    if hyperparameters.max_episode_steps:  # Gymnasium's limit is inside FrameSkip
        arguments["max_episode_steps"] = hyperparameters.max_episode_steps * max(1, skip)
    if n64:
        size = hyperparameters.frame_size
        usual = {"obs_type": OBS_TYPES[hyperparameters.frame_colours], "size": (size, size)}
        arguments |= {name: value for name, value in usual.items() if name in takes}
        if rom:
            arguments["rom"] = rom
    elif hyperparameters.env_id.rpartition(":")[2].startswith("ALE/"):
        arguments["obs_type"] = OBS_TYPES[hyperparameters.frame_colours]  # ALE's own grey is faster than ours
    arguments |= json.loads(hyperparameters.env_args)
    try:
        env = gym.make(hyperparameters.env_id, disable_env_checker=True, **arguments)
    except (ImportError, OSError, TypeError, ValueError, gym.error.Error) as error:
        raise unusable(hyperparameters, error) from error
    except (Exception, SystemExit) as error:  # a user's own environment may raise anything
        raise failed(hyperparameters.env_id, "making it", error) from error
    try:
        return parts.around(_skipping(env, skip))
    except BadInputError:
        env.close()
        raise


def _skipping(env: gym.Env, count: int) -> gym.Env:
    """Return an environment whose actions last `count` steps; 0 and 1 leave them as they are."""
    if is_car_racing(env):
        return CarRacingFrameSkip(env, max(1, count))
    return FrameSkip(env, count) if count > 1 else env


def find(env_id: str) -> EnvSpec:
    """Return the environment registered under an id such as CartPole-v1, ALE/Pong-v5 or my_module:MyEnv-v0.

    my_module may be a file in the working folder. Without a module, agent/envs/plugins.py knows some packages.

    Raises:
        BadInputError: the module cannot be imported, or no environment has this id.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        module_of("env_id", module)
    similar = offer_retro(module, name) if module in RETRO and name not in gym.registry else ""
    if name not in gym.registry and (plugin := plugin_of(name)):
        if not is_installed(plugin):
            raise _refused(
                f"{env_id} needs the package {plugin.package}, which is not installed: pip install {plugin.package}"
            )
        try:
            load(plugin)
        except (Exception, SystemExit) as error:  # its code, or that of a package that it needs, may raise anything
            raise _refused(f"{plugin.module} cannot be imported: {place_of(error)}") from None
    if name not in gym.registry:
        prefix = f"{module}:" if module else ""  # without it the proposed id would not be found
        similar = similar or nearest(env_id, list(gym.registry), prefix)
        raise _refused(f"no environment is called {env_id!r}{similar or _hint(module)}")
    return gym.registry[name]


def declared_for(env_id: str) -> Figures:
    """Return the figures that an id's class declares, without making an environment; else UNDECLARED."""
    try:
        entry_point = find(env_id).entry_point
        kind = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    except (BadInputError, ImportError, AttributeError, gym.error.Error):  # such as a package that is missing
        return UNDECLARED
    return declared_in(getattr(kind, "metadata", {}), env_id)


def is_n64(spec: EnvSpec) -> bool:
    """Return whether an environment is a class for an N64 game, n64gym's or the user's. They take a ROM and a size."""
    if isinstance(spec.entry_point, str) and spec.entry_point.startswith("n64gym."):
        return True
    game = _class_of(spec)
    base = getattr(sys.modules.get("n64gym"), "N64Env", None)  # the class of a game has imported it
    return inspect.isclass(game) and base is not None and issubclass(game, base)


def _class_of(spec: EnvSpec) -> Any:
    """Return the class or function that makes an environment; None if it cannot be imported, which gym.make reports."""
    if not isinstance(spec.entry_point, str):
        return spec.entry_point
    try:
        return load_env_creator(spec.entry_point)
    except Exception:  # the module is the user's, or of a package that may lack others
        return None


def is_ale(spec: EnvSpec) -> bool:
    """Return whether an environment is one of ALE's, which take a frame skip and a probability of sticky actions."""
    return isinstance(spec.entry_point, str) and spec.entry_point.startswith("ale_py.")


def check(hyperparameters: Hyperparameters, rom: str = "") -> None:
    """Check that an environment can be trained in and its ROM exists, without making it; takes milliseconds.

    Raises:
        BadInputError: no environment has this id, its ROM is missing, it has no reward, or the user's code cannot be
            imported.
    """
    spec = find(hyperparameters.env_id)
    OwnParts(hyperparameters)
    arguments = json.loads(hyperparameters.env_args)
    if not is_n64(spec):
        return
    game = _class_of(spec)
    path = rom or arguments.get("rom", "")
    if path and not Path(path).exists():
        raise BadInputError(f"{named('rom')}: found {path!r}, expected an N64 ROM; there is no such file")
    needed = inspect.signature(game).parameters.get("rom")
    if not path and needed is not None and needed.default in ("", needed.empty):
        raise BadInputError(
            f"{named('rom')}: {hyperparameters.env_id} needs the file of its ROM: --rom /path/to/game.z64"
        )
    if not hyperparameters.reward and not getattr(game, "has_reward", lambda: True)():
        raise BadInputError(
            f"{named('env_id')}: {hyperparameters.env_id} has no reward, so there is nothing to learn; give yours with "
            "--reward my_module:function, as docs/your-own.md says"
        )


def unusable(hyperparameters: Hyperparameters, error: Exception) -> BadInputError:
    """Return the error for the user when an environment refuses its arguments."""
    given = json.loads(hyperparameters.env_args)
    setting = "rom" if is_about_the_rom(error) and "rom" not in given else "env_args" if given else "env_id"
    said = " ".join(str(error).split()).partition(" was raised from the environment creator")[0]  # Gymnasium adds this
    if unexpected := re.search(r"unexpected keyword argument '(\w+)'", said):
        name = unexpected[1]
        known = accepted(gym.spec(hyperparameters.env_id.rpartition(":")[2]))
        said = f"there is no argument {name!r}{nearest(name, known) or '; expected one of ' + ', '.join(known)}"
    return BadInputError(f"{named(setting)}: {hyperparameters.env_id}: {said}")


def _refused(reason: str) -> BadInputError:
    return BadInputError(f"{named('env_id')}: {reason}")


def _hint(module: str) -> str:
    """Return advice about an id that is similar to no registered one."""
    return (
        f"; {module} does not register it" if module else "; write the id of your own environment as my_module:MyEnv-v0"
    )


def accepted(spec: EnvSpec) -> list[str]:
    """Return the names of the arguments that an environment takes, as far as its signatures show."""
    entry: Any = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    names: dict[str, None] = {}
    for one in inspect.getmro(entry) if inspect.isclass(entry) else [entry]:
        names |= dict.fromkeys(getattr(one, "settings", {}))  # n64gym's choices
        parameters = inspect.signature(one.__init__ if inspect.isclass(one) else one).parameters.values()
        names |= {p.name: None for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break  # without **kwargs, the base class gets no further arguments
    return [name for name in names if name != "self"]
