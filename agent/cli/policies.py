"""What a trained policy is good for: eval, enjoy, export."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a3c64.cli.command import parser_of
from a3c64.config import BadInputError, Settings, add_flags, has_display, load, parse

if TYPE_CHECKING:
    from a3c64.policy.policy_file import Policy

LIKELIEST = "act with the likeliest action every time (default); false draws actions from the policy"


def evaluate(arguments: list[str]) -> int:
    """Play episodes with a checkpoint, the newest by default, or at random, and print means as JSON."""
    parser = parser_of("eval", evaluate)
    parser.add_argument("--episodes", type=int, default=20, help="how many at least (default: 20)")
    _add_choice(parser)
    parser.add_argument("--random", action="store_true", help="act at random instead of with a checkpoint")
    parser.add_argument("--greedy", action="store_true", help="take the likeliest action instead of drawing one")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a page with plots as well, HTML")
    add_flags(parser, deterministic="as --greedy")
    parsed = vars(parse(parser, arguments))
    _check_episodes(parsed["episodes"])
    settings = load(parsed)
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.play.evaluate import evaluate as play

    policy = None if parsed["random"] else _chosen(settings, parsed)
    greedy = parsed["greedy"] or ("deterministic" in parsed and settings.deterministic)
    folder = None if parsed["random"] or parsed["policy"] else settings.run_dir
    print(json.dumps(play(settings, policy, parsed["episodes"], greedy, parsed["report"], folder), indent=2))
    return 0


def enjoy(arguments: list[str]) -> int:
    """Watch a trained policy: by default the one that comes with the project, in a window if there is a display."""
    parser = parser_of("enjoy", enjoy)
    parser.add_argument("--episodes", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--mp4", type=Path, metavar="OUT", help="film them into this file instead; needs no display")
    _add_choice(parser)
    add_flags(parser, deterministic=LIKELIEST)
    parsed = vars(parse(parser, arguments))
    _check_episodes(parsed["episodes"])
    settings = load(parsed)
    from a3c64.policy import policy_file
    from a3c64.processes import limit_threads, stop_on_signals

    of_a_run = parsed["policy"] or parsed["load_best"] or parsed["load_checkpoint"] is not None
    given = of_a_run or "run_dir" in settings.model_fields_set
    policy = _chosen(settings, parsed) if given else policy_file.bundled(settings.env_id)
    limit_threads()
    from a3c64.play import enjoy as watching

    film: Path | None = parsed["mp4"]
    window = film is None and has_display() and watching.open_display()
    where = "" if window else f"into {film}; " if film else "no display is there ($DISPLAY), so without a window; "
    print(f"{where}Ctrl-C stops", flush=True)
    greedy = "deterministic" not in parsed or settings.deterministic
    watching.enjoy(settings, policy, parsed["episodes"], window, stop_on_signals(), greedy, film)
    return 0


def export(arguments: list[str]) -> int:
    """Write a policy into a file of its own, in half precision, to give away: `enjoy --policy FILE` plays it."""
    parser = parser_of("export", export)
    parser.add_argument("target", help="the file, or a folder to put policy.safetensors into")
    parser.add_argument("--command", default="", help="the command that made it, if --workers and the like matter")
    _add_choice(parser)
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    from a3c64.policy import policy_file

    policy = _chosen(settings, parsed)
    if parsed["command"]:
        policy = policy._replace(command=parsed["command"])
    path = policy_file.save(Path(parsed["target"]), policy)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, a policy of {policy.step:,} steps, made by {policy.command}")
    return 0


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that say which policy is meant."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--load-best", action="store_true", help="the one of the run's folder that evaluated best")
    which.add_argument("--load-checkpoint", type=int, metavar="STEP", help="the run's checkpoint of that step")
    which.add_argument("--policy", type=Path, metavar="FILE", help="one that `a3c64 export` wrote")


def _chosen(settings: Settings, parsed: dict[str, Any]) -> "Policy":
    """Return the policy that is meant, by default the run's newest."""
    from a3c64.policy import policy_file

    if parsed["policy"]:
        return policy_file.load(parsed["policy"])
    return policy_file.of_run(settings.run_dir, parsed["load_best"], parsed["load_checkpoint"])


def _check_episodes(count: int) -> None:
    if count < 1:
        raise BadInputError(f"--episodes: found {count}, expected 1 or more")
