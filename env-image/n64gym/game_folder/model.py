"""The content of a game.toml as dataclasses. docs/games.md describes the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from n64gym.machine import controller

BUTTONS: dict[str, int] = {
    name: getattr(controller, name)
    for name in (
        "A", "B", "Z", "START", "L", "R", "D_UP", "D_DOWN", "D_LEFT", "D_RIGHT", "C_UP", "C_DOWN", "C_LEFT", "C_RIGHT",
    )
}  # fmt: skip


OWN_ROM = "openkart"  # in place of a hash: the ROM that comes with n64gym, whose hash depends on its compiler


class Kind(NamedTuple):
    """A type of a variable."""

    size: int  # bytes
    code: str  # of struct and memoryview


TYPES = {
    "u8": Kind(1, "B"),
    "s8": Kind(1, "b"),
    "u16": Kind(2, "H"),
    "s16": Kind(2, "h"),
    "u32": Kind(4, "I"),
    "s32": Kind(4, "i"),
    "f32": Kind(4, "f"),
}


@dataclass(frozen=True)
class Variable:
    """A number in the game's memory."""

    address: int  # 0x80000000 to 0x807FFFFF, or without the 0x80000000; a multiple of the type's size
    type: str  # one of TYPES
    bits: tuple[int, int] | None = None  # the lowest and the highest bit to use; 0 is the lowest of all
    follow: tuple[int, ...] = ()
    """If not empty, a pointer is at `address`. Each offset is added to the pointer; the result is the address of the
    next pointer, or at last that of the variable. A variable behind an invalid pointer is 0."""
    note: str = ""  # for readers of the file


@dataclass(frozen=True)
class Hold:
    """A state of the controller."""

    buttons: tuple[str, ...] = ()  # of BUTTONS
    stick: tuple[int, int] = (0, 0)  # x right, y up, -80 to 80

    @property
    def word(self) -> int:
        """The controller word."""
        return controller.word(sum(BUTTONS[name] for name in self.buttons), *self.stick)


@dataclass(frozen=True)
class Action(Hold):
    """One of a list of actions."""

    name: str = ""


@dataclass(frozen=True)
class Actions:
    """The actions of the agent: exactly one of `list`, `groups` or `analog` is not empty."""

    list: tuple[Action, ...] = ()  # Discrete: one of these
    groups: tuple[tuple[Action, ...], ...] = ()  # MultiDiscrete: one of each group, all held together
    analog: tuple[str, ...] = ()
    """Box: "x", "y" (the stick, -1 to 1), or names of buttons (0 to 1, pressed above 0.5)."""


@dataclass(frozen=True)
class Press(Hold):
    """A press on the way to the start."""

    vis: int = 2  # VIs that it is held
    release: int = 2  # VIs with nothing held after it
    until: str = ""  # repeat until this condition holds; empty: press once
    limit: int = 600  # VIs after which the condition counts as never reached


@dataclass(frozen=True)
class Start:
    """The way to the start of an episode: exactly one of `state`, `movie` or `presses`."""

    state: str = ""  # the name of a savestate in the folder, written by `write_state`
    movie: str = ""  # the name of an .m64 in the folder, played from power-on to its end
    presses: tuple[Press, ...] = ()  # from power-on
    check: str = ""  # a condition that holds at the start


@dataclass(frozen=True)
class Figure:
    """A figure of a whole episode, computed at its end."""

    value: str  # expression
    when: str = ""  # report it only if this condition holds at the end
    label: str = ""
    unit: str = ""
    summary: str = "mean"  # how several episodes are summed up: mean, least, most, or rate for 0 or 1
    headline: bool = False  # in the one-line summary of a run


@dataclass(frozen=True)
class GameFile:
    """A game as its game.toml describes it. All texts of conditions and values are expressions."""

    name: str
    rom_sha1: str  # of the ROM in z64 order, or OWN_ROM
    rom_name: str  # the internal name in the ROM's header; for error texts
    variables: Mapping[str, Variable]
    actions: Actions
    starts: Mapping[str, Start]  # by name; each episode begins at one of them
    values: Mapping[str, str] = field(default_factory=dict)  # named expressions; each may use those above it
    reward: Mapping[str, str] = field(default_factory=dict)  # terms; the reward of a step is their sum
    done: Mapping[str, str] = field(default_factory=dict)  # conditions that end an episode
    truncated: Mapping[str, str] = field(default_factory=dict)  # conditions that cut an episode off
    time_limit: float = 300.0  # seconds of the game's time, after which an episode is cut off
    stuck_limit: float = 0.0  # seconds without a new highest `progress`, after which it is cut off; 0 = never
    progress: str = ""  # expression for stuck_limit
    telemetry: Mapping[str, str] = field(default_factory=dict)  # the numbers of telemetry observations
    figures: Mapping[str, Figure] = field(default_factory=dict)
    lap_times: tuple[str, ...] = ()  # seconds of each lap; a lap without a time is 0
    frameskip: int = 4  # VIs of a step
    picture: tuple[int, int] = (240, 320)  # height and width of the game's picture
    video: str = ""  # the video plugin; empty: the game draws with the CPU
    controller_pak: bool = False
