"""The expressions of game.toml compute like Python's, and accept nothing that reaches Python."""

import math

import pytest

from n64gym.game_folder.expressions import ExpressionError, build, result

NAMES = {"a": 0, "b": 1, "c": 2}
NOW, BEFORE = [7, -2.5, 0], [4, 1.5, 0]


@pytest.mark.parametrize(
    "text",
    [
        "a + b * 2 - -c", "(a - b) / 4", "a // 2", "a % 3", "a << 2 | 1", "a & 3 ^ 1", "~a", "a >> 1", "1 < a <= 7",
        "a > 1 and b < 0", "not a or c", "a if c else b", "min(a, b, 3)", "max(a, b)", "abs(b)", "round(b)", "floor(b)",
        "1.5e3 + 0x10", "c and 1 / c", "True + (a == 7)",
    ],
)  # fmt: skip
def test_an_expression_has_the_value_that_python_gives(text):
    # The test evaluates its own texts with Python; the package never does.
    expected = eval(text, {"floor": math.floor, "a": 7, "b": -2.5, "c": 0})
    assert result(build(text, NAMES), NOW, BEFORE) == expected


def test_prev_and_delta_use_the_values_before():
    assert result(build("prev.a", NAMES), NOW, BEFORE) == 4
    assert result(build("delta(a)", NAMES), NOW, BEFORE) == 3
    assert result(build("delta(a * b)", NAMES), NOW, BEFORE) == 7 * -2.5 - 4 * 1.5


@pytest.mark.parametrize("text", ["a / c", "a % c", "sqrt(b)", "a * 1e15 * 1e15 - b / c", "floor(1e15 * b / c)"])
def test_an_expression_without_a_result_is_zero(text):
    assert result(build(text, NAMES), NOW, BEFORE) == 0


def test_not_a_number_is_zero():
    for value in (math.nan, math.inf, -math.inf):
        assert result(build("a", NAMES), [value, 0, 0], BEFORE) == 0
        assert result(build("round(a) + floor(a)", NAMES), [value, 0, 0], BEFORE) == 0


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a +", "a.b", "prev.a.b", "prev", "__import__('os')", "a()", "open", "(lambda: a)()", "[a]", "{a}",
        "a[0]", "'a'", "a ** b", "a @ b", "a := 1", "a; b", "a\nb", "delta(delta(a))", "delta(prev.a)", "delta(a, b)",
        "min(a)", "min(*a)", "abs(x=a)", "1j", "1e400", "9" * 30, "a is b", "a in b", "await a", "print(a)",
        "prev.__class__", "é",
        "+".join("a" * 400), "(" * 100 + "a" + ")" * 100 + "+" * 300, "-" * 400 + "a", "not " * 120 + "a",
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(ExpressionError) as caught:
        build(text, NAMES)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
