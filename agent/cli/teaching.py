"""Commands that teach a policy: imitate."""

import argparse
from pathlib import Path

from a3c64 import logs, output
from a3c64.cli.checks import check_run_folder
from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import BadInputError, Settings, flag
from a3c64.program import EXIT_STOPPED

UPDATES = 2000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `imitate`."""
    parser.add_argument("movies", nargs="+", type=Path, metavar="MOVIES", help="movies (.m64), or folders with movies")
    parser.add_argument(
        "--updates",
        type=int,
        default=UPDATES,
        metavar="N",
        help=f"end after this many updates, if held-out steps still get better (default: {UPDATES})",
    )


def imitate(settings: Settings, parsed: Parsed) -> int:
    """Teach a new run's policy from movies of races; `a3c64 train` with the same --run-dir then goes on from it."""
    at_least("updates", parsed["updates"], 1)
    from a3c64.processes import limit_threads, pin_tensorflow, stop_on_signals, typed_command

    limit_threads()
    from a3c64.policy import policy_file
    from a3c64.policy.resume import resume
    from a3c64.teaching.movies import check_movies, demonstrated

    resumption = resume(settings)
    settings = resumption.settings
    if resumption.exists:
        raise BadInputError(
            f"{flag('run_dir')}: {settings.run_dir} has a run already, and teaching would replace its policy; choose "
            "another folder for a new run"
        )
    check_run_folder(settings.run_dir)
    hyperparameters = settings.hyperparameters()
    movies = check_movies(hyperparameters, parsed["movies"], settings.rom, "imitate")
    start = policy_file.find(settings.from_policy) if settings.from_policy else None
    stop = stop_on_signals(insist=True)
    stopped = "stopped before the policy was taught; nothing was written"
    shown = demonstrated(hyperparameters, movies, settings.rom, stop)
    if shown is None:
        logs.refuse("a3c64 imitate", stopped)
        return EXIT_STOPPED
    output.say(
        f"{len(movies)} movies, {shown.episodes} episodes, {shown.steps:,} steps; "
        f"{100 * shown.inexact:.1f} % of the actions are not among the agent's, and the nearest ones are taken"
    )
    pin_tensorflow(hyperparameters.deterministic)
    from a3c64.learning.network import design
    from a3c64.paramserver.run_folder import RunFolder
    from a3c64.policy.checkpoint import first
    from a3c64.policy.transplant import transplant
    from a3c64.progress import Progress
    from a3c64.teaching.imitate import teach

    network = design(shown.shape, shown.family, hyperparameters)
    snapshot = first(network.specs, hyperparameters.seed, hyperparameters.model_dump())
    if start:
        output.say(transplant(start, network.specs, snapshot.weights))
    with Progress("updates", parsed["updates"]) as progress:
        taught = teach(
            network,
            hyperparameters,
            snapshot.weights,
            shown,
            parsed["updates"],
            stop,
            lambda updates: progress.show(updates, "updates"),
        )
    if taught is None:
        logs.refuse("a3c64 imitate", stopped)
        return EXIT_STOPPED
    output.say(
        f"after {taught.updates:,} updates, the policy's most probable action is the teacher's in "
        f"{100 * taught.held_out.share:.1f} % of the steps that it was not taught "
        f"(the teacher's most frequent action: {100 * taught.commonest:.1f} %)"
    )
    folder = RunFolder(settings.run_dir, settings.keep_checkpoints)
    folder.describe(hyperparameters, typed_command())
    if not folder.save(taught.begin(snapshot)):
        raise BadInputError(f"{flag('run_dir')}: {settings.run_dir} cannot be written")
    output.say(f"`a3c64 train --run-dir {settings.run_dir}` goes on from it")
    return 0


COMMANDS = (Command("imitate", imitate, add_options, "MOVIES..."),)
