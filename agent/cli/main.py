"""The a3c64 command: what its first argument names, from agent/cli/."""

import errno
import sys

from a3c64 import logs, output
from a3c64.cli import policies as policy
from a3c64.cli import recordings as recorded
from a3c64.cli import runs as run
from a3c64.cli.command import Command, summary_of
from a3c64.config import EXIT_BAD_INPUT, EXIT_FAILED, BadInputError, nearest

EXIT_NO_READER = 141  # as a shell counts a program that SIGPIPE ended
COMMANDS: dict[str, Command] = {
    "train": run.train,
    "server": run.server,
    "worker": run.worker,
    "evaluator": run.evaluator,
    "status": run.status,
    "watch": run.watch,
    "eval": policy.evaluate,
    "enjoy": policy.enjoy,
    "export": policy.export,
    "replay": recorded.replay,
    "film": recorded.film,
}


def main() -> int:
    """Run the command named by the first argument; return the exit code: 0 clean stop, 2 bad input."""
    output.guard_results()
    try:
        try:
            return _run(sys.argv[1:])
        finally:
            print(end="", flush=True)
    except BadInputError as error:
        logs.refuse("a3c64", error)
        return EXIT_BAD_INPUT
    except output.UnwritableError as error:
        output.abandon(sys.stdout)
        if error.errno == errno.EPIPE:  # as after `a3c64 eval | head`
            return EXIT_NO_READER
        logs.refuse("a3c64", f"standard output cannot be written: {error.strerror}")
        return EXIT_FAILED


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("a3c64 COMMAND [--help] [settings]\n")
        for name, command in COMMANDS.items():
            print(f"  {name:<11}{summary_of(command)}")
        return 0 if arguments else EXIT_BAD_INPUT
    if arguments[0] not in COMMANDS:
        hint = nearest(arguments[0], list(COMMANDS)) or f", expected {', '.join(COMMANDS)}"
        raise BadInputError(f"unknown command {arguments[0]!r}{hint}")
    logs.configure(arguments[0], output=2)  # standard output is for results
    return COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
