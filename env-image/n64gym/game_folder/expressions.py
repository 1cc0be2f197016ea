"""The expressions of a game.toml: checked against a list of what is allowed, and called as nested functions.

An expression has numbers, names, + - * / // % & | ^ ~ << >>, comparisons, `and`, `or`, `not`, `a if c else b`, and the
functions below. `prev.x` is the value of x at the end of the step before, `delta(e)` is e minus its value then. Nothing
else is accepted, so an expression cannot reach Python. It is parsed with Python's `ast` and never compiled or evaluated
by Python.
"""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from n64gym.settings import nearest

LONGEST = 500  # characters
DEEPEST = 50  # levels of nesting
LARGEST = 2**53  # of a number

Number = float | int
Function = Callable[[Sequence[Number], Sequence[Number]], Number]  # (values now, values before) -> the result

BUILT_IN = {
    "vis": "VIs of the step; 0 at the start of an episode",
    "seconds": "seconds of the step; 0 at the start",
    "time": "seconds since the start of the episode",
    "steps": "steps since the start",
    "stick_x": "the stick of the step's action, -80 (left) to 80",
    "stick_y": "the stick of the step's action, -80 (down) to 80",
}


def _sign(x: Number) -> int:
    return (x > 0) - (x < 0)


FUNCTIONS: dict[str, tuple[Callable[..., Number], int, int]] = {  # function, least and most number of arguments
    "abs": (abs, 1, 1),
    "min": (min, 2, 8),
    "max": (max, 2, 8),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "round": (round, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "sign": (_sign, 1, 1),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "atan2": (math.atan2, 2, 2),
}
IN_INFO = frozenset({  # names in an environment's info that have a meaning
    "setup", "title", "ended", "metrics", "lap_times", "reward_terms", "start_state", "start_noops", "start_random",
    "emulator_restarts", "emulator_error", "controller_reads", "action_mask", "episode",
})  # fmt: skip
RESERVED = frozenset({*BUILT_IN, *FUNCTIONS, *IN_INFO, "prev", "delta"})
BINARY: dict[type, Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: lambda a, b: int(a) & int(b),
    ast.BitOr: lambda a, b: int(a) | int(b),
    ast.BitXor: lambda a, b: int(a) ^ int(b),
    ast.LShift: lambda a, b: int(a) << (int(b) & 31),
    ast.RShift: lambda a, b: int(a) >> (int(b) & 31),
}
COMPARISONS: dict[type, Callable[[Number, Number], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
UNARY: dict[type, Callable[[Number], Number]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: lambda a: ~int(a),
}
CHARACTERS = re.compile(r"[A-Za-z0-9_ .,()+\-*/%<>=!&|^~]*")
NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,39}")


class ExpressionError(ValueError):
    """An expression is not valid. The text says what was found and what was expected."""


class _Scope(NamedTuple):
    """The names that an expression may use."""

    now: Mapping[str, int]  # index in the list of values
    before: Mapping[str, int]  # those that `prev.` and delta() may use
    in_delta: bool = False  # names mean their value before


def check_name(name: str) -> None:
    """Raise ExpressionError unless `name` can name a variable or value."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ExpressionError(f"found {name!r:.60}, expected a name of up to 40 letters, digits and _")
    if name in RESERVED:
        raise ExpressionError(f"found {name!r}, which has a meaning already; expected another name")


def build(text: str, now: Mapping[str, int], before: Mapping[str, int] | None = None) -> Function:
    """Return an expression as a function of the values now and before.

    now: the index of each name in the lists of values. before: the names of `prev.`; default: the same. The function
    may raise ArithmeticError or ValueError, see `result`. Raises ExpressionError.
    """
    return _build(_parsed(text), _Scope(now, now if before is None else before))


def result(function: Function, now: Sequence[Number], before: Sequence[Number]) -> Number:
    """Return the result of an expression; 0 if it has none: division by zero, not a number, or too large."""
    try:
        found = function(now, before)
        if -LARGEST <= found <= LARGEST:  # false for NaN
            return found
        return float(found) if math.isfinite(found) else 0
    except (ArithmeticError, ValueError):
        return 0


def _parsed(text: str) -> ast.expr:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise ExpressionError(f"found {text!r:.60}, expected an expression of 1 to {LONGEST} characters")
    if not CHARACTERS.fullmatch(text):
        strange = next(one for one in text if not CHARACTERS.fullmatch(one))
        raise ExpressionError(f"found {strange!r} in {text!r:.60}, expected names, numbers and operators")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        told = getattr(error, "msg", "") or "it cannot be parsed"
        raise ExpressionError(f"found {text!r:.60}, expected an expression ({told})") from None


def _build(node: ast.expr, scope: _Scope, depth: int = 0) -> Function:
    if depth > DEEPEST:
        raise ExpressionError(f"found more than {DEEPEST} levels of nesting, expected a simpler expression")

    def build(part: ast.expr) -> Function:
        return _build(part, scope, depth + 1)

    match node:
        case ast.Constant(value=bool() | int() | float() as number) if abs(number) <= LARGEST:
            return lambda now, before: number
        case ast.Name(id=name):
            return _slot(_index(name, scope.before if scope.in_delta else scope.now), scope.in_delta)
        case ast.Attribute(value=ast.Name(id="prev"), attr=name) if not scope.in_delta:
            return _slot(_index(name, scope.before), True)
        case ast.BinOp(op=op) if type(op) in BINARY:
            return _binary(BINARY[type(op)], build(node.left), build(node.right))
        case ast.UnaryOp(op=op) if type(op) in UNARY:
            return _unary(UNARY[type(op)], build(node.operand))
        case ast.BoolOp():
            return _all_or_any(isinstance(node.op, ast.And), [build(part) for part in node.values])
        case ast.Compare() if all(type(op) in COMPARISONS for op in node.ops):
            pairs = [
                _binary(COMPARISONS[type(op)], build(left), build(right))
                for op, left, right in zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False)
            ]
            return pairs[0] if len(pairs) == 1 else _all_or_any(True, pairs)
        case ast.IfExp():
            return _choice(build(node.test), build(node.body), build(node.orelse))
        case ast.Call(func=ast.Name(id="delta"), args=[inner], keywords=[]) if not scope.in_delta:
            return _binary(operator.sub, build(inner), _build(inner, scope._replace(in_delta=True), depth + 1))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
            function, least, most = FUNCTIONS[name]
            if not least <= len(node.args) <= most:
                wanted = f"{least} to {most}" if least < most else f"{least}"
                raise ExpressionError(f"found {name} with {len(node.args)} values, expected {wanted}")
            return _call(function, [build(part) for part in node.args])
    raise ExpressionError(
        f"found {_shown(node)}, expected numbers, names, operators, or {', '.join(sorted(FUNCTIONS))}"
    )


def _index(name: str, names: Mapping[str, int]) -> int:
    if name not in names:
        known = f"; expected one of {', '.join(names)}"[:300]
        raise ExpressionError(f"found the name {name!r}{nearest(name, list(names)) or known}")
    return names[name]


def _shown(node: ast.expr) -> str:
    try:
        return f"{ast.unparse(node)!r:.60}"
    except (RecursionError, ValueError):
        return type(node).__name__


def _slot(index: int, is_before: bool) -> Function:
    if is_before:
        return lambda now, before: before[index]
    return lambda now, before: now[index]


def _binary(op: Callable[[Number, Number], Number], left: Function, right: Function) -> Function:
    return lambda now, before: op(left(now, before), right(now, before))


def _unary(op: Callable[[Number], Number], operand: Function) -> Function:
    return lambda now, before: op(operand(now, before))


def _all_or_any(is_all: bool, parts: list[Function]) -> Function:
    """Return a function whose result is True or False. It stops at the first part that decides."""
    if len(parts) == 2:
        first, second = parts
        if is_all:
            return lambda now, before: bool(first(now, before) and second(now, before))
        return lambda now, before: bool(first(now, before) or second(now, before))
    if is_all:
        return lambda now, before: all(part(now, before) for part in parts)
    return lambda now, before: any(part(now, before) for part in parts)


def _choice(condition: Function, then: Function, otherwise: Function) -> Function:
    return lambda now, before: then(now, before) if condition(now, before) else otherwise(now, before)


def _call(function: Callable[..., Number], arguments: list[Function]) -> Function:
    if len(arguments) == 1:
        (only,) = arguments
        return lambda now, before: function(only(now, before))
    return lambda now, before: function(*[argument(now, before) for argument in arguments])
