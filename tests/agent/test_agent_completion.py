"""Shell completion, in real shells."""

import shutil
import subprocess

import pytest
from live import need

SHELLS = ("bash", "zsh")


def completed(shell: str, script: str, *words: str) -> set[str]:
    """Return the shell's completions of the last word."""
    need(shell)
    ask = f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; _a3c64; "
    if shell == "zsh":  # bashcompinit's arrays begin at 0
        ask = f"setopt ksharrays; {ask}"
    run = subprocess.run(
        [shell, "-c", f"{script}\n{ask}printf '%s\\n' \"${{COMPREPLY[@]}}\""],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return {word for word in run.stdout.split() if word.startswith(words[-1])}  # zsh itself drops the others


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_flags_and_choices_are_completed(stack, shell):
    if shutil.which(shell) is None and shell == "zsh":
        pytest.skip("zsh is not installed")
    script = stack.run("a3c64", "completion", shell).stdout
    assert completed(shell, script, "a3c64", "e") == {"evaluator", "eval", "enjoy", "export"}
    assert completed(shell, script, "a3c64", "train", "--tru") == {"--trunk"}
    assert completed(shell, script, "a3c64", "train", "--trunk", "") == {"patches", "fine", "universe", "a3c"}
    assert completed(shell, script, "a3c64", "train", "--preset", "at") == {"atari"}
    assert completed(shell, script, "a3c64", "status", "--") == {
        "--help", "--json", "--run-dir", "--server", "--key-file", "--no-encryption",
    }  # fmt: skip
    assert completed(shell, script, "a3c64", "replay", "") == set(), "the shell itself completes file names"


def test_an_unsupported_shell_is_a_one_line_error(stack):
    result = stack.run("a3c64", "completion", "fish")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "bash" in result.stderr
