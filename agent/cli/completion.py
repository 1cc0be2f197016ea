"""`a3c64 completion`: a script that lets a shell complete commands, flags and choices."""

import argparse
from collections.abc import Sequence

from a3c64 import arguments
from a3c64.cli.command import Command, Parsed
from a3c64.config import Settings

# Words that are neither flags nor a flag's choices are completed as file names.
SCRIPT = """\
{start}_a3c64() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
    if ((COMP_CWORD == 1)); then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $previous" in
{choices}
        *) case "${{COMP_WORDS[1]}}" in
{flags}
            esac
            [[ $current == -* ]] || words="" ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _a3c64 a3c64
"""
STARTS = {"bash": "", "zsh": "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `completion`."""
    parser.add_argument("shell", choices=STARTS, help="your shell")


def completion(settings: Settings, parsed: Parsed) -> int:
    """Print a script for shell completion; in ~/.bashrc: source <(a3c64 completion bash)."""
    from a3c64.cli.main import groups

    print(script(parsed["shell"], [command for group in groups().values() for command in group]), end="")
    return 0


def script(shell: str, commands: Sequence[Command]) -> str:
    """Return the script for a shell."""
    choices, flags = [], []
    for command in commands:
        options = [action for action in command.parser()._actions if action.option_strings]
        words = " ".join(name for action in options for name in action.option_strings)
        flags.append(f'            {command.name}) words="{words}" ;;')
        for action in options:
            if known := arguments.choices(action.dest):
                choices.append(f'        "{command.name} {action.option_strings[-1]}") words="{" ".join(known)}" ;;')
    named = " ".join([*(command.name for command in commands), "--help", "--version"])
    return SCRIPT.format(start=STARTS[shell], commands=named, choices="\n".join(choices), flags="\n".join(flags))


COMMANDS = (Command("completion", completion, add_options, "SHELL"),)
