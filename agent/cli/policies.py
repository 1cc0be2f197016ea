"""Commands that use a trained policy: eval, enjoy, export."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from a3c64 import logs, output
from a3c64.arguments import STEPPING
from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import BadInputError, Settings, has_display
from a3c64.files import why_unwritable
from a3c64.hyperparameters import OWN, Hyperparameters
from a3c64.program import EXIT_STOPPED

if TYPE_CHECKING:
    from a3c64.policy.policy_file import Policy

SAFETENSORS, ONNX = EXPORTS = (".safetensors", ".onnx")  # what `export` writes, by the file's ending


def add_eval_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `eval`."""
    parser.add_argument("--episodes", type=int, default=20, metavar="N", help="least number to play (default: 20)")
    _add_which(parser)
    _add_how(parser)
    parser.add_argument("--random", action="store_true", help="act at random where --run-dir or --env-id says")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a page with plots as well, HTML")


def evaluate(settings: Settings, parsed: Parsed) -> int:
    """Play episodes with a trained policy (default: a run's newest) or at random, and print means as JSON."""
    at_least("episodes", parsed["episodes"], 1)
    if parsed["report"] and (reason := why_unwritable(parsed["report"])):
        raise BadInputError(f"--report: {parsed['report']} cannot be written: {reason}")
    from a3c64.processes import limit_threads, stop_on_signals

    limit_threads()
    from a3c64.play.evaluate import evaluate as play

    chosen = _chosen(settings, parsed) if not parsed["random"] or _names_one(parsed) else None
    hyperparameters = _to_play(settings, parsed, chosen)
    policy = None if parsed["random"] else chosen
    folder = None if parsed["random"] or parsed["policy"] else settings.run_dir
    stop = stop_on_signals(insist=True)
    with _one_line():
        means = play(
            hyperparameters,
            policy,
            parsed["episodes"],
            _greedy(parsed, hyperparameters),
            settings.rom,
            stop,
            parsed["report"],
            folder,
        )
    if means is None:
        logs.refuse("a3c64 eval", "stopped before all episodes were played")
        return EXIT_STOPPED
    print(json.dumps(means, indent=2))
    return 0


def add_enjoy_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `enjoy`."""
    parser.add_argument("--episodes", type=int, default=5, metavar="N", help="how many (default: 5)")
    parser.add_argument("--mp4", type=Path, metavar="FILE", help="film them into this file instead; needs no display")
    _add_which(parser)
    _add_how(parser)


def enjoy(settings: Settings, parsed: Parsed) -> int:
    """Watch a trained policy (default: the bundled one) play, in a window if there is a display."""
    at_least("episodes", parsed["episodes"], 1)
    from a3c64.policy import policy_file
    from a3c64.processes import limit_threads, stop_on_signals

    limit_threads()
    from a3c64.play import enjoy as watching
    from a3c64.play.video import check

    mp4: Path | None = parsed["mp4"]
    if mp4:
        check(mp4)
    given = _names_one(parsed) or "run_dir" in settings.model_fields_set
    policy = _chosen(settings, parsed) if given else policy_file.bundled(settings.env_id)
    hyperparameters = _to_play(settings, parsed, policy)
    window = mp4 is None and has_display() and watching.open_display()
    where = "" if window else f"into {mp4}; " if mp4 else "there is no display ($DISPLAY), so without a window; "
    output.say(f"{where}Ctrl-C stops")
    greedy = _greedy(parsed, hyperparameters)
    stop = stop_on_signals()
    with _one_line():
        watching.enjoy(hyperparameters, policy, parsed["episodes"], settings.rom, window, stop, greedy, mp4)
    return 0


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    kinds = "NAME.safetensors for a3c64, NAME.onnx for other programs"
    parser.add_argument("target", metavar="FILE", help=f"{kinds}; or a folder to put policy.safetensors into")
    parser.add_argument("--command", default="", help="the training command to record in the file")
    _add_which(parser)


def export(settings: Settings, parsed: Parsed) -> int:
    """Write a policy to a file: .safetensors to share (`a3c64 enjoy --policy FILE`), .onnx for other programs."""
    target = Path(parsed["target"])
    if not target.is_dir():
        if reason := why_unwritable(target):
            raise BadInputError(f"{target} cannot be written: {reason}")
        if target.suffix not in EXPORTS:
            raise BadInputError(f"export: found {target}, expected a name that ends in {' or '.join(EXPORTS)}")
    from a3c64.policy import policy_file

    policy = _chosen(settings, parsed)
    if parsed["command"]:
        policy = policy._replace(command=parsed["command"])
    if target.suffix == ONNX and not target.is_dir():
        path = _export_onnx(target, policy, settings, parsed)
    else:
        path = policy_file.save(target, policy)
    size = path.stat().st_size / 1e6
    output.say(f"{path}: {size:.1f} MB, a policy of {policy.step:,} steps, made by {policy.command}")
    return 0


def _export_onnx(target: Path, policy: "Policy", settings: Settings, parsed: Parsed) -> Path:
    """Write a policy as ONNX. Its environment is reset once: a policy knows neither its spaces nor its masks."""
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.envs.making import check, make_one
    from a3c64.policy import onnx_file
    from a3c64.policy.fitted import fit, seen

    hyperparameters = _to_play(settings, parsed, policy)
    check(hyperparameters, settings.rom)
    env = make_one(hyperparameters, settings.rom)
    try:
        with _one_line():
            fitted = seen(fit(policy, hyperparameters, env), env)
        return onnx_file.save(target, fitted)
    finally:
        env.close()


def _add_which(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the policy."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--load-best", action="store_true", help="the run's policy with the best evaluation")
    which.add_argument("--load-checkpoint", type=int, metavar="STEP", help="the run's checkpoint of that step")
    rule = "it imports no module that your own flags do not name, and gives the environment no paths"
    which.add_argument("--policy", type=Path, metavar="FILE", help=f"a file that `a3c64 export` wrote; {rule}")


def _add_how(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the policy chooses its actions, and on which course."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--greedy",
        action="store_true",
        help="take the most probable actions (default: eval_policy)",
    )
    how.add_argument("--sample", action="store_true", help="draw each action from the policy's distribution")
    parser.add_argument("--course", metavar="NAME", help="the course to race on, for racing games")


@contextmanager
def _one_line() -> Iterator[None]:
    """Refuse an environment that fails too often. In a run, its process would be started again."""
    from a3c64.envs.failures import GivenUpError

    try:
        yield
    except GivenUpError as error:
        raise BadInputError(str(error)) from None


def _greedy(parsed: Parsed, hyperparameters: Hyperparameters) -> bool:
    """Return whether actions are greedy; without a flag, as in the run's own evaluations."""
    if parsed["greedy"] or parsed["sample"]:
        return bool(parsed["greedy"])
    return hyperparameters.eval_policy == "greedy"


def _names_one(parsed: Parsed) -> bool:
    """Return whether the flags choose a policy."""
    of_a_run = parsed["load_best"] or parsed["load_checkpoint"] is not None or "run_dir" in parsed
    return bool(of_a_run or parsed["policy"])


def _chosen(settings: Settings, parsed: Parsed) -> "Policy":
    """Return the policy that the flags choose, by default the run's newest.

    Raises:
        BadInputError: there is no such policy, or the flags name two.
    """
    from a3c64.policy import policy_file

    if not parsed["policy"]:
        return policy_file.of_run(settings.run_dir, parsed["load_best"], parsed["load_checkpoint"])
    if "run_dir" in parsed:
        raise BadInputError("--policy and --run-dir both say which policy is meant: give one of them")
    return policy_file.load(parsed["policy"])


def _to_play(settings: Settings, parsed: Parsed, policy: "Policy | None") -> Hyperparameters:
    """Return the settings to play with: those that the policy was trained with, or the user's if there is no policy.

    --env-args, --course and the settings of OWN and STEPPING replace the policy's if they are given. The seed is always
    the user's. A policy file imports no module that the user did not name, and gives the environment no paths.

    Raises:
        BadInputError: --env-id names another environment than the policy's, or the policy file would import a module.
    """
    from a3c64.policy import foreign

    hyperparameters = settings.hyperparameters() if policy is None else policy.hyperparameters
    if "env_id" in parsed and settings.env_id != hyperparameters.env_id:
        raise BadInputError(
            f"--env-id: found {settings.env_id}, but this policy was trained on {hyperparameters.env_id}; "
            "leave --env-id out"
        )
    own = {name: getattr(settings, name) for name in OWN if name in parsed}
    hyperparameters = hyperparameters.model_copy(update=own)
    if parsed["policy"]:
        named = {name: getattr(settings, name) for name in settings.model_fields_set}
        foreign.check_code(hyperparameters, parsed["policy"], named)
    if "env_args" in parsed:
        hyperparameters = hyperparameters.model_copy(update={"env_args": settings.env_args})
    elif parsed["policy"]:
        hyperparameters = foreign.without_paths(hyperparameters, parsed["policy"])
    if parsed.get("course"):
        arguments = {**json.loads(hyperparameters.env_args), "course": parsed["course"]}
        hyperparameters = hyperparameters.model_copy(update={"env_args": json.dumps(arguments)})
    given = {name: getattr(settings, name) for name in ("seed", *(name for name in STEPPING if name in parsed))}
    return hyperparameters.model_copy(update=given)


COMMANDS = (
    Command("eval", evaluate, add_eval_options),
    Command("enjoy", enjoy, add_enjoy_options),
    Command("export", export, add_export_options, "FILE"),
)
