"""Hypothesis strategies that damage a valid file: its bytes, or the values in its JSON."""

import copy
import json
import re
from typing import Any

from hypothesis import strategies as st

ODD = (
    None, True, False, 0, -1, 1, 2, 255, 2**31, 2**53 + 1, 2**63, 10**400, 1e18, 1e308, float("inf"), float("nan"),
    "", "0", "x" * 10_000, "\x1b]0;owned\x07", "\ud800", "\0", "../x", "~/x", "evil_fuzz:Evil-v0", "@deep 5000@",
    [], {}, [[]], [1, 2], {"a": 1}, ["x"] * 2000,
)  # fmt: skip


def values() -> st.SearchStrategy[Any]:
    """Return JSON values: mostly odd ones, else any."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    nested = st.recursive(
        scalars, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4)
    )
    deep = st.integers(300, 990).map("@deep {}@".format)  # near Python's limit of recursion
    return st.sampled_from(ODD) | scalars | nested | deep


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return all places in a JSON value, as container and key."""
    found: list[tuple[Any, Any]] = []
    for key, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
        found.append((value, key))
        if isinstance(part, dict | list):
            found += places(part)
    return found


@st.composite
def damaged_value(draw: st.DrawFn, valid: Any) -> Any:
    """Draw a JSON value in which up to three parts are replaced, removed or added."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(0, 3))):
        there = places(value)
        if not there:
            break
        container, key = there[draw(st.integers(0, len(there) - 1))]
        action = draw(st.sampled_from(("replace", "replace", "replace", "remove", "add")))
        if action == "remove":
            del container[key]
        elif action == "replace" or isinstance(container, list):
            container[key] = copy.deepcopy(draw(values()))
        else:
            key = draw(st.text(max_size=8) | st.sampled_from(("\x1b[2J", "cache", "rom")))
            container[key] = copy.deepcopy(draw(values()))
    return value


def damaged_json(valid: Any) -> st.SearchStrategy[bytes]:
    """Draw the JSON text of a damaged value."""
    return damaged_value(valid).map(_json)


def _json(value: Any) -> bytes:
    deep = re.compile(r'"@deep (\d+)@"')  # lists that are nested too deeply for json.dumps
    return deep.sub(lambda found: "[" * int(found[1]) + "]" * int(found[1]), json.dumps(value)).encode()


@st.composite
def damaged_bytes(draw: st.DrawFn, valid: bytes, header: int) -> bytes:
    """Draw a file in which up to four places, mostly in its header, are overwritten, and which may be cut or longer."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, min(header, len(data)) - 1) | st.integers(0, len(data) - 1))
        odd = st.binary(min_size=1, max_size=8) | st.sampled_from((b"\xff" * 4, bytes(4), b"\x1b[2J"))
        piece = draw(odd)
        data[at : at + len(piece)] = piece
    length = draw(st.just(len(data)) | st.integers(0, len(data)))
    return bytes(data[:length]) + draw(st.just(b"") | st.binary(max_size=16))


def damaged_text(valid: Any) -> st.SearchStrategy[bytes]:
    """Draw a damaged JSON file: mostly JSON, else damaged text or any bytes."""
    text = json.dumps(valid).encode()
    whole = damaged_json(valid)
    return st.one_of(whole, whole, whole, damaged_bytes(text, len(text)), st.binary(max_size=200))
