"""The controller as text and on a keyboard."""

from __future__ import annotations

from collections.abc import Iterable

from n64gym.game_folder.model import BUTTONS, Hold
from n64gym.machine.controller import STICK

STICK_NAMES = {"left": (-STICK, 0), "right": (STICK, 0), "up": (0, STICK), "down": (0, -STICK)}

KEYS = {  # a keyboard's keys by pygame's names -> a button, or a direction of the stick
    "left": "left", "right": "right", "up": "up", "down": "down",
    "x": "A", "c": "B", "z": "Z", "return": "START", "q": "L", "e": "R",
    "i": "C_UP", "k": "C_DOWN", "j": "C_LEFT", "l": "C_RIGHT",
    "t": "D_UP", "g": "D_DOWN", "f": "D_LEFT", "h": "D_RIGHT",
}  # fmt: skip
HALF = "left shift"  # this key halves the stick's way
HELP = "arrows stick (shift: half), X A, C B, Z Z, Enter START, Q L, E R, IJKL C, TFGH D-pad"


def held(keys: Iterable[str]) -> Hold:
    """Return the state of the controller for the keys that are down."""
    down = set(keys)
    x, y = stick_of(KEYS[key] for key in down if key in KEYS)
    if HALF in down:
        x, y = x // 2, y // 2
    return Hold(tuple(sorted(KEYS[key] for key in down if KEYS.get(key) in BUTTONS)), (x, y))


def parse(words: Iterable[str]) -> Hold:
    """Return the state of the controller that words such as `A START left x=-40` describe. Raises ValueError."""
    buttons, directions, exact = [], [], {}
    for word in words:
        axis, equals, number = word.partition("=")
        if word.upper() in BUTTONS:
            buttons.append(word.upper())
        elif word.lower() in STICK_NAMES:
            directions.append(word.lower())
        elif equals and axis in ("x", "y") and number.lstrip("-").isdecimal() and abs(int(number)) <= STICK:
            exact[axis] = int(number)
        else:
            raise ValueError(
                f"{word!r} is not on the controller; expected {', '.join((*BUTTONS, *STICK_NAMES))}, "
                f"or x=N and y=N from -{STICK} to {STICK}"
            )
    x, y = stick_of(directions)
    return Hold(tuple(dict.fromkeys(buttons)), (exact.get("x", x), exact.get("y", y)))


def text_of(hold: Hold) -> str:
    """Return words that `parse` reads."""
    axes = [f"{axis}={place}" for axis, place in zip("xy", hold.stick, strict=True) if place]
    return " ".join([*hold.buttons, *axes])


def stick_of(directions: Iterable[str]) -> tuple[int, int]:
    """Return the stick's place for names of STICK_NAMES; others have no effect. Opposite ones cancel each other."""
    places = [STICK_NAMES[name] for name in set(directions) if name in STICK_NAMES]
    return sum(x for x, _ in places), sum(y for _, y in places)
