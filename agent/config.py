"""Every setting, from flags, A3C64_* variables and defaults (`python -m a3c64.config` lists them).

agent/arguments.py defines the flags of each command.
"""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from a3c64 import addresses, command_template, presets
from a3c64.hyperparameters import OWN, Hyperparameters, OwnCodes, none

PREFIX = "A3C64_"
EXIT_FAILED = 1  # the process shut down cleanly, but something is missing, such as the last checkpoint
EXIT_BAD_INPUT = 2  # the same as argparse; documented in the README
EXIT_CRASHED = 70  # an unexpected exception; a restart may help
# What Kubernetes sets in containers for a service named a3c64 or a3c64-NAME: variable=value.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
OF_A_SERVICE = re.compile(
    r"A3C64_(?:\w+_)?"
    r"(?:(?:SERVICE_HOST|PORT_\d+_(?:TCP|UDP|SCTP)_ADDR)=[0-9a-fA-F.:]+"
    r"|(?:SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)_PORT)=\d+"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP))?=(?:tcp|udp|sctp)://\S+"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)_PROTO=(?:tcp|udp|sctp))"
)

WANTED = {  # type of pydantic's error -> what the message says is expected
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
    "int_from_float": "a whole number",
    "string_pattern_mismatch": "names without scheme and port, with commas between",
}
NOT_PRESET = ("env_id", "env_args", *OWN)  # a preset's file chooses neither the task nor code to import
ALMOST = 0.9  # similarity of the names of two settings that are easily confused, such as reward and rewards
WORDY = re.compile(r"^(Value error, |Input should be )")  # the beginning of pydantic's other messages


class BadInputError(Exception):
    """The user's input cannot be used. The message is one line: what was found, what is expected, how to fix it."""


def _path(value: Any) -> Any:
    """Convert text to a path before pydantic sees it. Pydantic refuses non-UTF-8 text, but a path may contain it."""
    return Path(value) if isinstance(value, str) else value


def _command(value: str) -> str:
    """Accept a command line with placeholders for a checkpoint."""
    command_template.check(value, ("path", "run", "step"))
    return value.strip()


Endpoint = Annotated[str, AfterValidator(addresses.endpoint)]
Host = Annotated[str, AfterValidator(addresses.host)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _preset(value: str) -> str:
    """Accept the name of a preset, or the path of a preset's file with settings that are hyperparameters."""
    if value.endswith(presets.SUFFIX):
        try:
            for name, given in presets.read(Path(value)).items():
                if name not in Hyperparameters.model_fields:
                    hint = nearest(name, list(Hyperparameters.model_fields))
                    raise ValueError(f"{name:.60} is not a hyperparameter{hint}")
                if name in NOT_PRESET:
                    raise ValueError(f"{name} cannot be in it, because the file may be a stranger's; give {flag(name)}")
                if checked(name, given) != given:
                    raise ValueError(f"{name}: found {given!r:.300}, expected {checked(name, given)!r:.300}")
        except ValueError as error:
            raise ValueError(f"a preset such as agent/presets/classic.toml: {error}") from None
        return value
    names = [presets.AUTOMATIC, presets.NONE, *presets.presets()]
    if value not in names:
        raise ValueError(f"one of {', '.join(names)}{nearest(value, names)}")
    return value


class Settings(Hyperparameters, BaseSettings):
    """All settings of all commands. Each comes from its flag, else from A3C64_<NAME>, else from its default.

    `model_fields_set` has the names of the settings that were set by a flag or a variable.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid")

    preset: Annotated[str, AfterValidator(_preset)] = Field(
        presets.AUTOMATIC,
        description="defaults for a family of environments: auto = by A3C64_ENV_ID; a name of agent/presets; the path "
        "of such a file; none",
    )
    server: Endpoint = Field("tcp://127.0.0.1:5555", description="worker, status: where the parameter server listens")
    bind: Endpoint = Field("tcp://127.0.0.1:5555", description="server, train: the address the parameter server binds")
    key_file: Annotated[Path | None, BeforeValidator(_path), BeforeValidator(none)] = Field(
        None,
        description="the clients' key, in a file that the server writes; empty = keys/client in the run's folder",
    )
    no_encryption: bool = Field(False, description="for debugging, on loopback only: no key and no encryption")
    run_dir: Annotated[Path, BeforeValidator(_path)] = Field(
        Path("runs/default"), description="the run's folder: checkpoints, TensorBoard, config.json"
    )
    resume: bool = Field(False, description="train, server: fail if the run's folder has no run to resume")
    transfer: bool = Field(
        False, description="train, server: continue with the weights of a run of another environment than A3C64_ENV_ID"
    )
    from_policy: Annotated[Path | None, BeforeValidator(_path), BeforeValidator(none)] = Field(
        None,
        description="train, server: a policy file or a run's folder, whose weights a new run begins with; "
        "empty = random weights",
    )
    callback: OwnCodes = Field(
        None,
        description="train, server: your callbacks, called after episodes, updates, evaluations and checkpoints, as "
        "module:Class, with commas between; none = no callback",
    )
    rom: str = Field("", description="path of an N64 ROM; empty = Open Kart")
    workers: int = Field(2, ge=1, le=1024, description="train: number of workers to start")
    replays_mb: int = Field(
        200,
        ge=0,
        description="disk space for recorded episodes of N64 games, of all workers together, MB; 0 = record nothing",
    )
    hang_timeout: float = Field(
        120.0,
        ge=0.0,
        allow_inf_nan=False,
        description="a worker that takes no step for this many seconds, and for 10 times its usual time between "
        "gradients, is restarted; 0 = never",
    )
    worker_index: int = Field(
        -1,
        ge=-1,
        le=65535,
        description="worker: the index to ask for, so that a restart keeps it; -1 = the lowest free one",
    )
    compression: Literal["none", "4bit"] = Field(
        "none",
        description="worker: gradients and weights travel as float32 (none), or with 4 bits a number, a seventh of the "
        "bytes (4bit); worker --join: 4bit unless you choose",
    )
    vnc_port: Port = Field(
        0, description="VNC port of a worker's display; 0 = no display; train: the first of its workers' ports"
    )
    vnc_host: Host = Field("127.0.0.1", description="address the VNC server listens on; in a container 0.0.0.0")
    vnc_password_file: str = Field(
        "", description="the file with the VNC password; empty = keys/vnc in the run's folder"
    )
    vnc_view: Literal["panel", "plain"] = Field(
        "panel",
        description="content of a worker's display: the game with the agent's input and output, or the game alone",
    )
    tensorboard_host: Host = Field("127.0.0.1", description="address TensorBoard listens on")
    tensorboard_port: Port = Field(12345, description="port of TensorBoard; 0 = none")
    legacy_tags: bool = Field(False, description="write TensorBoard's points under universe-starter-agent's names too")
    web_host: Host = Field("127.0.0.1", description="address the web page listens on")
    web_hosts: str = Field(
        "", pattern=r"^[\w., -]*$", description="the web page's names on proxies, with commas between"
    )
    web_port: Port = Field(6080, description="port of the web page that shows all workers; 0 = none")
    checkpoint_interval: float = Field(60.0, gt=0.0, description="seconds between two checkpoints")
    keep_checkpoints: int = Field(5, ge=1, description="number of newest checkpoints to keep")
    checkpoint_command: Annotated[str, AfterValidator(_command)] = Field(
        "",
        description="train, server: a command to run after each checkpoint, such as 'rclone copy {path} remote:'; "
        "{path} is the checkpoint's folder, {run} the run's, {step} its step; empty = none",
    )
    track: Literal["none", "wandb", "mlflow", "trackio"] = Field(
        "none", description="train, server: send the run's scalars to this experiment tracker"
    )
    track_project: str = Field(
        "a3c64", min_length=1, description="train, server: the tracker's project; MLflow calls it an experiment"
    )
    status_interval: float = Field(
        5.0, gt=0.0, description="seconds between two lines of progress, and two TensorBoard points"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="log messages of this level and above: debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines as text for people, or as JSON")

    def hyperparameters(self) -> Hyperparameters:
        """Return the run's settings alone."""
        return Hyperparameters(**{name: getattr(self, name) for name in Hyperparameters.model_fields})

    def environment(self) -> dict[str, str]:
        """Return all settings as A3C64_* variables, for a child process."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {variable(name): "none" if value is None else str(value) for name, value in values.items()}

    def filled(self, values: Mapping[str, Any]) -> "Settings":
        """Return a copy in which `values` replace the settings that neither a flag nor a variable has set."""
        rest = {name: value for name, value in values.items() if name not in self.model_fields_set}
        return self.model_construct(self.model_fields_set, **{**dict(self), **rest})


class Setting(NamedTuple):
    """One setting, as the documentation shows it."""

    name: str
    variable: str
    flag: str
    default: str
    description: str


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def named(name: str) -> str:
    """Return flag and variable of a setting, for a message that cannot know which of them was used."""
    return f"{flag(name)} ({variable(name)})"


def describe() -> list[Setting]:
    """List every setting with its default. A test compares `.env.example` with this list."""
    return [
        Setting(
            name,
            variable(name),
            flag(name),
            "" if field.default is None else str(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def nearest(word: str, known: Sequence[str], prefix: str = "") -> str:
    """Return ", did you mean X?" for the most similar known word, compared without the prefix; "" if none is close."""
    close = difflib.get_close_matches(word.removeprefix(prefix), [k.removeprefix(prefix) for k in known], n=1)
    return f", did you mean {prefix}{close[0]}?" if close else ""


def has_display() -> bool:
    """Return whether $DISPLAY is set."""
    return bool(os.environ.get("DISPLAY"))


def ray_address() -> str:
    """Return $RAY_ADDRESS, which names a Ray cluster for all of Ray's programs; "" if it is not set."""
    return os.environ.get("RAY_ADDRESS", "")


def check_environment(environ: Mapping[str, str]) -> None:
    """Refuse A3C64_* variables that no setting reads. Otherwise a typo would go unnoticed.

    Variables that Kubernetes sets for a service named a3c64 or a3c64-NAME are ignored.

    Raises:
        BadInputError: a variable is unknown.
    """
    known = [variable(name) for name in Settings.model_fields]
    for name, value in environ.items():
        if name.startswith(PREFIX) and name not in known and not OF_A_SERVICE.fullmatch(f"{name}={value}"):
            raise BadInputError(
                f"unknown variable {name}{nearest(name, known, PREFIX) or '; see `python -m a3c64.config`'}"
            )


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Build the settings. Order of priority: flags (by field name), A3C64_* variables, preset, defaults.

    Raises:
        BadInputError: a variable is unknown, or a value has the wrong type or is out of range.
    """
    check_environment(os.environ)
    given = {name: value for name, value in (flags or {}).items() if name in Settings.model_fields}
    try:
        settings = Settings(**given)
        return settings.filled(presets.chosen(settings.preset, settings.env_id))
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        called = flag if name in given else variable
        meant = _meant(name, error.errors()[0]["input"])
        hint = f", did you mean {called(meant)}?" if meant else ""
        raise BadInputError(f"{called(name)}: {_refusal(error)}{hint}") from None


def _meant(name: str, value: Any) -> str:
    """Return the setting with almost the same name that accepts a value which `name` refuses; "" if there is none."""
    for other in difflib.get_close_matches(name, Settings.model_fields, cutoff=ALMOST):
        with suppress(ValueError):
            checked(other, value)
            return other
    return ""


def checked(name: str, value: Any) -> Any:
    """Return a setting's value in the setting's type.

    Raises:
        ValueError: it is refused; the message is what was found and what is expected.
    """
    field = Settings.model_fields[name]
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ValueError(_refusal(error)) from None


def _refusal(error: ValidationError) -> str:
    """Return what was found and what pydantic expected, in plain words."""
    first = error.errors()[0]
    words = WANTED.get(first["type"])
    wanted = words.format(**first.get("ctx", {})) if words else WORDY.sub("", first["msg"])
    return f"found {first['input']!r:.300}, expected {wanted}"


def main() -> None:
    """Print every setting as a commented .env file."""
    for setting in describe():
        print(f"# {setting.description}\n# {setting.variable}={setting.default}\n")


if __name__ == "__main__":
    main()
