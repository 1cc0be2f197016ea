"""The flags of each command: its settings, their groups in --help, and the errors for wrong flags."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from pydantic.fields import FieldInfo

from a3c64 import presets
from a3c64.config import BadInputError, Settings, flag, load, nearest, variable
from a3c64.hyperparameters import OWN, Hyperparameters

SHORT = 15  # a command with more settings than this shows only the common ones in --help
COMMON = {
    "env_id", "env_args", "rom", "preset", "run_dir", "workers", "envs_per_worker", "seed", "total_timesteps",
    "stop_at_reward", "time_limit", "eval_interval", "web_port", "vnc_port", "log_level",
}  # fmt: skip

_KEYS = ("key_file", "no_encryption")
_SERVING = (
    "preset", "bind", *_KEYS, "run_dir", "resume", "transfer", "from_policy", "callback", "tensorboard_host",
    "tensorboard_port", "legacy_tags", "web_host", "web_hosts", "web_port", "vnc_password_file", "checkpoint_interval",
    "keep_checkpoints", "checkpoint_command", "track", "track_project", "status_interval",
)  # fmt: skip
_LOGGING = ("log_level", "log_format")
_WORKING = ("rom", "hang_timeout", "compression", "replays_mb", "vnc_port", "vnc_host", "vnc_view", "vnc_password_file")
STEPPING = ("frameskip", "sticky_actions", "max_episode_steps")
LISTS = ("wrapper", "callback")  # settings with several values; their flags may be repeated
_PLAYING = ("run_dir", "env_id", "env_args", *OWN, "rom", "seed", *STEPPING)
USES: dict[str, frozenset[str]] = {  # command -> its settings; A3C64_* variables are accepted by all commands
    "train": frozenset({*Hyperparameters.model_fields, *_SERVING, *_WORKING, *_LOGGING, "workers"}),
    "imitate": frozenset(
        {*Hyperparameters.model_fields, "preset", "run_dir", "from_policy", "keep_checkpoints", "rom"}
    ),
    "server": frozenset({*Hyperparameters.model_fields, *_SERVING, *_LOGGING}),
    "worker": frozenset({"server", "run_dir", *_KEYS, "workers", "worker_index", *_WORKING, *_LOGGING}),
    "evaluator": frozenset({"server", "run_dir", *_KEYS, "rom", *_LOGGING}),
    "join": frozenset({"run_dir", "bind", "key_file"}),
    "keys": frozenset({"run_dir", "bind", "key_file"}),
    "status": frozenset({"server", "run_dir", *_KEYS}),
    "watch": frozenset({"server", "run_dir", *_KEYS, "vnc_password_file"}),
    "eval": frozenset(_PLAYING),
    "enjoy": frozenset(_PLAYING),
    "export": frozenset(_PLAYING) - {"seed"},
    "sweep": frozenset(_LOGGING),
    "doctor": frozenset({"rom", "bind", "web_port", "web_host", "tensorboard_port", "tensorboard_host"}),
    "runs": frozenset(),
    "compare": frozenset(),
    "integrate": frozenset(),
    "replay": frozenset({"rom"}),
    "film": frozenset({"rom"}),
    "verify": frozenset({"rom", "env_id", "env_args"}),
    "polish": frozenset({"rom", "env_id", "env_args", "seed"}),
    "records": frozenset({"rom", "env_id", "env_args"}),
}
GROUPS: dict[str, tuple[str, ...]] = {  # as --help shows them; every setting is in one group
    "environment": (
        "env_id", "env_args", "reward", "wrapper", "rom", "preset", "frame_size", "frame_colours", "frame_stack",
        "frame_crop", "frameskip", "sticky_actions", "max_episode_steps", "envs_per_worker", "workers", "worker_index",
        "hang_timeout", "seed", "deterministic",
    ),
    "run folder": (
        "run_dir", "resume", "transfer", "from_policy", "checkpoint_interval", "keep_checkpoints",
        "checkpoint_command", "replays_mb",
    ),
    "ending and evaluation": (
        "total_timesteps", "stop_at_reward", "time_limit", "eval_interval", "eval_policy", "eval_episodes",
        "guard", "callback",
    ),
    "network": ("trunk", "network", "lstm_size"),
    "learning": (
        "t_max", "epochs", "discount", "gae_lambda", "normalise_observations", "rewards", "normalise_advantages",
        "entropy_cost", "value_cost", "surrogate_clip", "target_kl", "target_kl_decay_steps", "max_gradient_norm",
        "learning_rate", "learning_rate_schedule", "rmsprop_decay", "rmsprop_epsilon", "max_staleness",
        "demonstrations", "imitation_cost", "imitation_steps", "imitation_reaction",
    ),
    "watching": (
        "web_port", "web_host", "web_hosts", "tensorboard_port", "tensorboard_host", "legacy_tags", "vnc_port",
        "vnc_host", "vnc_password_file", "vnc_view", "track", "track_project", "status_interval",
        "log_level", "log_format",
    ),
    "connections": ("server", "bind", *_KEYS, "compression"),
}  # fmt: skip
_TRUST = "with --policy: the id in the file, which is needed if it names a module to import"
MEANS = {  # (command, setting) -> its help text there, where the setting's description does not fit
    **{(command, "run_dir"): "the run whose policy is used" for command in ("eval", "enjoy", "export")},
    **{(command, "run_dir"): "the run to look at" for command in ("status", "watch")},
    **{(command, "server"): "where its server listens; not together with --run-dir" for command in ("status", "watch")},
    **{
        (command, "rom"): "the N64 ROM they were recorded with; empty = Open Kart"
        for command in ("replay", "film", "verify", "polish", "records")
    },
    **{(command, "env_id"): "the environment of a movie without JSON" for command in ("verify", "polish", "records")},
    **{
        (command, "env_args"): "arguments of the environment as JSON; only check_rom is used"
        for command in ("verify", "polish", "records")
    },
    ("polish", "seed"): "seed of the changes",
    **{(command, "seed"): "seed of actions and environments" for command in ("eval", "enjoy")},
    **{
        (command, "env_args"): "arguments of the environment as JSON, instead of the run's"
        for command in ("eval", "enjoy", "export")
    },
    ("imitate", "run_dir"): "the folder of the new run",
    **{(command, "run_dir"): "the run that others are to join" for command in ("join", "keys")},
    ("doctor", "rom"): "the N64 ROM to check; empty = Open Kart",
    ("worker", "workers"): "with --join: number of workers to start, instead of one for each core",
    ("export", "env_id"): _TRUST,
    **{
        (command, name): f"{Settings.model_fields[name].description}; instead of the run's"
        for command in ("eval", "enjoy", "export")
        for name in OWN
    },
    **{
        (command, name): f"{Settings.model_fields[name].description}; instead of the run's"
        for command in ("eval", "enjoy")
        for name in STEPPING
    },
    ("eval", "env_id"): f"with --random: Gymnasium id of the environment to play; {_TRUST}",
    ("enjoy", "env_id"): f"Gymnasium id of the environment whose bundled policy is played; {_TRUST}",
}
INSTEAD = {  # (command, a setting it does not have) -> what to use instead
    ("eval", "deterministic"): "--greedy or --sample says how actions are chosen",
    ("enjoy", "deterministic"): "--greedy or --sample says how actions are chosen",
    ("eval", "eval_policy"): "--greedy or --sample says how actions are chosen",
    ("enjoy", "eval_policy"): "--greedy or --sample says how actions are chosen",
    ("replay", "deterministic"): "a replay is the same every time",
    ("film", "deterministic"): "a replay is the same every time",
}
VALUES = {"int": "a whole number", "float": "a number", "Path": "a path"}  # argparse's errors name the Python type


class Parser(argparse.ArgumentParser):
    """The flags of one command. A wrong flag raises BadInputError; argparse would print two lines and exit."""

    def __init__(self, command: str, summary: str, usage: str = "") -> None:
        super().__init__(
            prog=f"a3c64 {command}",
            usage=" ".join(word for word in (f"a3c64 {command}", usage, "[options]") if word),
            description=summary,
            allow_abbrev=False,
            add_help=False,
        )
        self.command = command
        self.rare: list[argparse.Action] = []  # shown by --help-all only
        self.add_argument("-h", "--help", action=_Help, nargs=0, default=argparse.SUPPRESS, help="show this help")

    def add_settings(self) -> None:
        """Add a flag for each setting that the command uses. Call this after the command's own options are added."""
        uses = USES.get(self.command, frozenset())
        hidden = uses - COMMON if len(uses) > SHORT else frozenset()
        if hidden:
            self.add_argument(
                "--help-all",
                action=_Help,
                nargs=0,
                default=argparse.SUPPRESS,
                help=f"show {len(hidden)} more settings, and the A3C64_* variable of each",
            )
        for title, names in GROUPS.items():
            group = self.add_argument_group(title)
            for name in names:
                if name in uses:
                    how = _shown(self.command, name) | ({"action": _Listed} if name in LISTS else {})
                    action = group.add_argument(flag(name), dest=name, default=argparse.SUPPRESS, **how)
                    if name in hidden:
                        self.rare.append(action)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse arguments. Settings stay text; `config.load` converts them to their types.

        Raises:
            BadInputError: an argument is unknown, or is a setting of another command.
        """
        parsed, unknown = self.parse_known_args(arguments)
        if unknown:
            raise BadInputError(self._unknown(unknown[0]))
        return parsed

    def error(self, message: str) -> NoReturn:
        """Raise BadInputError with argparse's message as one line."""
        found = re.fullmatch(r"argument (\S+): invalid (\w+) value: (.*)", message)
        if found:
            message = f"{found[1]}: found {found[3]}, expected {VALUES[found[2]]}"
        raise BadInputError(message.removeprefix("argument "))

    def _unknown(self, argument: str) -> str:
        word = argument.split("=")[0]
        for name in Settings.model_fields:
            if word == flag(name):
                users = ", ".join(f"`a3c64 {command}`" for command, uses in USES.items() if name in uses)
                instead = INSTEAD.get((self.command, name), "")
                return f"{word} is a setting of {users}, not of `{self.prog}`" + (instead and f": {instead}")
        flags = [option for action in self._actions for option in action.option_strings]
        return f"unknown argument {argument}{nearest(word, flags, '--') or '; see --help'}"


class _Listed(argparse.Action):
    """Join the values of a flag that is given several times, with commas between."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        before = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


class _Help(argparse.Action):
    """Print the help and exit: --help without the rare settings, --help-all with them."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        assert isinstance(parser, Parser)
        if "--help" in self.option_strings:
            for action in parser.rare:
                action.help = argparse.SUPPRESS
        else:
            for action in parser._actions:
                if action.dest in Settings.model_fields:
                    action.help = f"{action.help} [{variable(action.dest)}]"
        parser.print_help()
        parser.exit()


def choices(name: str) -> tuple[str, ...]:
    """Return the values that a setting accepts; empty if `name` is not a setting or its values cannot be listed."""
    if name not in Settings.model_fields:
        return ()
    annotation = Settings.model_fields[name].annotation
    if name == "preset":
        return (presets.AUTOMATIC, presets.NONE, *presets.presets())
    if annotation is bool:
        return ("true", "false")
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def settings_of(command: str, summary: str, arguments: Sequence[str]) -> Settings:
    """Return the settings of a command that has no options besides its settings.

    Raises:
        BadInputError: an argument is unknown, or a value has the wrong type or is out of range.
    """
    parser = Parser(command, summary)
    parser.add_settings()
    return load(vars(parser.parse(arguments)))


def _shown(command: str, name: str) -> dict[str, Any]:
    """Return argparse's arguments for a setting: the placeholder for its value, and its help text."""
    field = Settings.model_fields[name]
    default = "empty" if field.default in (None, "") else str(field.default)
    if field.annotation is bool:
        # The flag without a value means true.
        how: dict[str, Any] = {"nargs": "?", "const": "true", "metavar": "true|false"}
        default = default.lower()
    else:
        how = {"metavar": f"{{{','.join(choices(name))}}}" if choices(name) else _kind(field.annotation)}
    facts = "; ".join(fact for fact in (_range(field), f"default: {default}") if fact)
    return how | {"help": f"{MEANS.get((command, name), field.description)} ({facts})".replace("%", "%%")}


def _kind(annotation: Any) -> str:
    """Return the placeholder for a value in the help, such as N for an int."""
    return {int: "N", float: "X", Path: "DIR"}.get(annotation, "X" if float in get_args(annotation) else "TEXT")


def _range(field: FieldInfo) -> str:
    """Return the range of a numeric setting in words; "" if it has no bounds."""
    bound = {
        kind: getattr(one, kind) for one in field.metadata for kind in ("ge", "gt", "le", "lt") if hasattr(one, kind)
    }
    least = f"{bound['ge']:g}" if "ge" in bound else f"above {bound['gt']:g}" if "gt" in bound else ""
    most = str(bound["le"]) if "le" in bound else f"below {bound['lt']:g}" if "lt" in bound else ""
    return f"{least} to {most}" if most else f"{least} or more" if "ge" in bound else least
