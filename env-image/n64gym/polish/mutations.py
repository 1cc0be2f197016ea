"""Random changes of a race's inputs; pure NumPy."""

from collections.abc import Callable

import numpy as np

from n64gym.machine.controller import STICK

LONGEST = 60  # inputs that one change touches, about a second
TURNS = np.array([1, 2, 4, 8, 16, 32, 64])  # stick units by which a change turns the stick
MOST_MOVED = 8  # inputs by which a change moves the rest of the race earlier or later

Words = np.ndarray  # controller words uint32 [N], one for each time that the game reads the controller


def changed(words: Words, span: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Return a copy of `words` with one to three random changes among the first `span`.

    Args:
        words: not changed. The copy may be up to a few words longer or shorter.
        span: where a change may begin, in words.
        buttons: bits of the buttons that a change may press or release.
        generator: draws the changes.
    """
    words = words.copy()
    for _ in range(1 + int(generator.integers(3) == 0) + int(generator.integers(6) == 0)):
        kind: Callable[..., Words] = KINDS[int(generator.choice(len(KINDS), p=SHARES))]
        begin = int(generator.integers(min(span, len(words))))
        end = begin + 1 + int(LONGEST ** generator.random())  # short ones as often as long ones
        words = kind(words, begin, min(end, len(words)), buttons, generator)
    return words


def stick_x(words: Words) -> np.ndarray:
    """Return the stick's x of each word, int [N], -128 to 127."""
    return (words >> 16 & 0xFF).astype(np.uint8).view(np.int8).astype(int)


def with_x(words: Words, x: np.ndarray) -> Words:
    """Return the words with the stick at x, which is limited to what games expect."""
    limited = np.clip(x, -STICK, STICK).astype(np.int8).view(np.uint8).astype(np.uint32)
    return (words & np.uint32(0xFF00FFFF)) | limited << np.uint32(16)


def turn(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Turn the stick by a constant."""
    words[begin:end] = with_x(words[begin:end], stick_x(words[begin:end]) + _some_turn(generator))
    return words


def swerve(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Turn the stick one way, then the other way for the same time: the kart moves aside and keeps its direction."""
    by, middle = _some_turn(generator), (begin + end) // 2
    words[begin:middle] = with_x(words[begin:middle], stick_x(words[begin:middle]) + by)
    words[middle:end] = with_x(words[middle:end], stick_x(words[middle:end]) - by)
    return words


def steer(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Set the stick to one position."""
    x = int(generator.integers(-STICK, STICK + 1))
    words[begin:end] = with_x(words[begin:end], np.full(end - begin, x))
    return words


def smooth(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Set the stick to its mean."""
    words[begin:end] = with_x(words[begin:end], np.full(end - begin, round(stick_x(words[begin:end]).mean())))
    return words


def press(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Press or release a button."""
    if buttons:
        bit = np.uint32(buttons[int(generator.integers(len(buttons)))])
        words[begin:end] = words[begin:end] | bit if generator.random() < 0.5 else words[begin:end] & ~bit
    return words


def repeat(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Repeat the first word: a change of the stick or of a button happens later."""
    words[begin:end] = words[begin]
    return words


def earlier(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Leave out some words: the rest of the race happens earlier."""
    return np.delete(words, np.s_[begin : begin + 1 + int(generator.integers(MOST_MOVED))])


def later(words: Words, begin: int, end: int, buttons: tuple[int, ...], generator: np.random.Generator) -> Words:
    """Repeat a word, and move the rest: the rest of the race happens later."""
    more = np.full(1 + int(generator.integers(MOST_MOVED)), words[begin])
    return np.insert(words, begin, more)


def _some_turn(generator: np.random.Generator) -> int:
    return int(generator.choice(TURNS)) * int(generator.choice([-1, 1]))


KINDS = (turn, swerve, steer, smooth, press, repeat, earlier, later)
SHARES = (0.25, 0.2, 0.1, 0.05, 0.1, 0.1, 0.12, 0.08)
