"""The a3c64 command: train, server, worker, evaluator, status, watch, eval, enjoy, export, replay, film."""

import argparse
import json
import os
import runpy
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config import EXIT_BAD_INPUT, BadInputError, Settings, add_flags, has_display, load, nearest, parse

if TYPE_CHECKING:
    from agent.driver import Driver

STATUS_TIMEOUT_S = 5.0
EXIT_NO_READER = 141  # as a shell counts a program that SIGPIPE ended
LIKELIEST = "act with the likeliest action every time (default); false draws actions from the policy"


def train(arguments: list[str]) -> int:
    """Train on this machine: parameter server, TensorBoard and workers as child processes."""
    parser = _parser("train", train)
    add_flags(parser)
    settings = load(vars(parse(parser, arguments)))
    if settings.deterministic and settings.workers != 1:
        raise BadInputError(
            f"--workers: found {settings.workers}, expected 1 with --deterministic: gradients of several workers "
            "arrive in an order that nobody can repeat; give --workers 1"
        )
    from agent.local import LocalRun
    from agent.processes import stop_on_signals

    stop = stop_on_signals()
    print(f"{settings.env_id}: {settings.workers} workers, run folder {settings.run_dir}; Ctrl-C stops", flush=True)
    if settings.tensorboard_port:
        print(f"TensorBoard: http://{settings.tensorboard_host}:{settings.tensorboard_port}/", flush=True)
    if settings.web_port:
        print(f"Workers' screens and the run's figures: http://{settings.web_host}:{settings.web_port}/", flush=True)
    if settings.vnc_port:
        last = settings.vnc_port + max(0, settings.workers - 1)
        print(f"VNC: {settings.vnc_host}, ports {settings.vnc_port} to {last}", flush=True)
    return LocalRun(settings).run(stop)


def server(arguments: list[str]) -> int:
    """Run the parameter server alone."""
    return _run_module("paramserver", arguments)


def worker(arguments: list[str]) -> int:
    """Run one worker."""
    return _run_module("worker", arguments)


def evaluator(arguments: list[str]) -> int:
    """Run an evaluator: greedy episodes with the newest weights now and then."""
    return _run_module("worker.evaluator", arguments)


def status(arguments: list[str]) -> int:
    """Ask a server how its run is doing; exit code 1 if none answers."""
    parser = _parser("status", status)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    from agent.status import fetch, text

    address = _address(settings)
    report = fetch(address, STATUS_TIMEOUT_S)
    if report is None:
        print(
            f"a3c64 status: no server answers at {address} (choose with --server or A3C64_SERVER)",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(report, indent=2) if parsed["json"] else text(report))
    return 0


def watch(arguments: list[str]) -> int:
    """Show how a run and each of its workers are doing, live; Ctrl-C ends it."""
    parser = _parser("watch", watch)
    add_flags(parser)
    settings = load(vars(parse(parser, arguments)))
    from agent.processes import stop_on_signals
    from agent.watch import watch as show

    show(_address(settings), stop_on_signals())
    return 0


def evaluate(arguments: list[str]) -> int:
    """Play episodes with a checkpoint, the newest by default, or at random, and print means as JSON."""
    parser = _parser("eval", evaluate)
    parser.add_argument("--episodes", type=int, default=20, help="how many at least (default: 20)")
    _add_choice(parser)
    parser.add_argument("--random", action="store_true", help="act at random instead of with a checkpoint")
    parser.add_argument("--greedy", action="store_true", help="take the likeliest action instead of drawing one")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a page with plots as well, HTML")
    add_flags(parser, deterministic="as --greedy")
    parsed = vars(parse(parser, arguments))
    _check_episodes(parsed["episodes"])
    settings = load(parsed)
    from agent.processes import pin_threads

    pin_threads()
    from agent.evaluate import evaluate as play

    driver = None if parsed["random"] else _chosen(settings, parsed)
    greedy = parsed["greedy"] or ("deterministic" in parsed and settings.deterministic)
    folder = None if parsed["random"] or parsed["driver"] else settings.run_dir
    print(json.dumps(play(settings, driver, parsed["episodes"], greedy, parsed["report"], folder), indent=2))
    return 0


def enjoy(arguments: list[str]) -> int:
    """Watch a trained policy: by default the one that comes with the project, in a window if there is a display."""
    parser = _parser("enjoy", enjoy)
    parser.add_argument("--episodes", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--mp4", type=Path, metavar="OUT", help="film them into this file instead; needs no display")
    _add_choice(parser)
    add_flags(parser, deterministic=LIKELIEST)
    parsed = vars(parse(parser, arguments))
    _check_episodes(parsed["episodes"])
    settings = load(parsed)
    from agent import driver
    from agent.processes import pin_threads, stop_on_signals

    of_a_run = parsed["driver"] or parsed["load_best"] or parsed["load_checkpoint"] is not None
    given = of_a_run or "run_dir" in settings.model_fields_set
    policy = _chosen(settings, parsed) if given else driver.shipped(settings.env_id)
    pin_threads()
    from agent import enjoy as watching

    film: Path | None = parsed["mp4"]
    window = film is None and has_display() and watching.open_display()
    where = "" if window else f"into {film}; " if film else "no display is there ($DISPLAY), so without a window; "
    print(f"{where}Ctrl-C stops", flush=True)
    greedy = "deterministic" not in parsed or settings.deterministic
    watching.enjoy(settings, policy, parsed["episodes"], window, stop_on_signals(), greedy, film)
    return 0


def export(arguments: list[str]) -> int:
    """Write a policy into a file of its own, in half precision, to give away: `enjoy --driver FILE` plays it."""
    parser = _parser("export", export)
    parser.add_argument("target", help="the file, or a folder to put driver.safetensors into")
    parser.add_argument("--command", default="", help="the command that made it, if --workers and the like matter")
    _add_choice(parser)
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    from agent import driver

    policy = _chosen(settings, parsed)
    if parsed["command"]:
        policy = policy._replace(command=parsed["command"])
    path = driver.save(Path(parsed["target"]), policy)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, a policy of {policy.step:,} steps, made by {policy.command}")
    return 0


def replay(arguments: list[str]) -> int:
    """Play recorded episodes, in a window if there is a display or into a film; exit code 1 if some cannot be."""
    parser = _parser("replay", replay)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="movies (.m64), or folders such as a run's")
    _add_showing(parser)
    parser.add_argument("--best", type=int, metavar="N", help="only the N with the highest returns")
    parser.add_argument("--since", metavar="WHEN", help="only those recorded since: 30m, 2h, 3d, or 2026-11-21T14:30")
    parser.add_argument("--course", help="only those on this course")
    parser.add_argument("--ghosts", action="store_true", help="all karts on one map of the course; Open Kart")
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    if parsed["best"] is not None and parsed["best"] < 1:
        raise BadInputError(f"--best: found {parsed['best']}, expected 1 or more")
    from agent.processes import pin_threads

    pin_threads()
    from agent import ghosts, replay_files
    from agent import replay as replays

    since = replay_files.moment(parsed["since"]) if parsed["since"] else None
    found, skipped = replay_files.find(parsed["paths"])
    chosen = replay_files.choose(found, parsed["best"], since, parsed["course"])
    if parsed["ghosts"] and len(chosen) > ghosts.MOST:
        chosen = replay_files.stages(chosen, ghosts.MOST)
    if not chosen and not skipped:
        courses = ", ".join(sorted({one.course for one in found if one.course})) or "none"
        raise BadInputError(f"nothing to play: {len(found)} movies found (courses: {courses}), none was chosen")
    show = replays.Show(ghosts=parsed["ghosts"], **_showing(settings, parsed))
    return _shown(replays.replay, chosen, skipped, show)


def film(arguments: list[str]) -> int:
    """Make a film of a whole training: an episode of each of its stages, one after another."""
    parser = _parser("film", film)
    parser.add_argument("folder", type=Path, metavar="RUN_DIR", help="a run's folder")
    _add_showing(parser)
    parser.add_argument("--stages", type=int, default=8, metavar="N", help="how many (default: 8)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each at most; 0 = to its end (default: 15)")
    add_flags(parser)
    parsed = vars(parse(parser, arguments))
    settings = load(parsed)
    for name, least in (("stages", 1), ("seconds", 0)):
        if parsed[name] < least:
            raise BadInputError(f"--{name}: found {parsed[name]}, expected {least} or more")
    from agent.processes import pin_threads

    pin_threads()
    from agent import replay as replays
    from agent import replay_files

    found, skipped = replay_files.find([parsed["folder"]])
    chosen = replay_files.stages(found, parsed["stages"])
    if not chosen:
        raise BadInputError(f"{parsed['folder']} has no recorded episodes; expected replays/worker-K/*.m64 with JSON")
    show = replays.Show(seconds=parsed["seconds"], **_showing(settings, parsed))
    return _shown(replays.replay, chosen, skipped, show)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": train,
    "server": server,
    "worker": worker,
    "evaluator": evaluator,
    "status": status,
    "watch": watch,
    "eval": evaluate,
    "enjoy": enjoy,
    "export": export,
    "replay": replay,
    "film": film,
}


def main() -> int:
    """Run the command named by the first argument; return the exit code: 0 clean stop, 2 bad input."""
    try:
        try:
            return _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except BadInputError as error:
        print(f"a3c64: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except BrokenPipeError:
        if not _reader_gone():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed
        return EXIT_NO_READER


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("a3c64 COMMAND [--help] [settings]\n")
        for name, command in COMMANDS.items():
            print(f"  {name:<11}{_summary(command)}")
        return 0 if arguments else EXIT_BAD_INPUT
    if arguments[0] not in COMMANDS:
        hint = nearest(arguments[0], list(COMMANDS)) or f", expected {', '.join(COMMANDS)}"
        raise BadInputError(f"unknown command {arguments[0]!r}{hint}")
    return COMMANDS[arguments[0]](arguments[1:])


def _reader_gone() -> bool:
    """Say whether nobody reads any more what is printed, as after `a3c64 eval | head`; other pipes may break too."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in output.poll(0))


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that say which policy is meant."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--load-best", action="store_true", help="the one of the run's folder that evaluated best")
    which.add_argument("--load-checkpoint", type=int, metavar="STEP", help="the run's checkpoint of that step")
    which.add_argument("--driver", type=Path, metavar="FILE", help="one that `a3c64 export` wrote")


def _chosen(settings: Settings, parsed: dict[str, Any]) -> "Driver":
    """Return the policy that is meant, by default the run's newest."""
    from agent import driver

    if parsed["driver"]:
        return driver.load(parsed["driver"])
    return driver.of_run(settings.run_dir, parsed["load_best"], parsed["load_checkpoint"])


def _add_showing(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that say how recorded episodes are shown."""
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast as the game (default: 1)")
    parser.add_argument("--grid", default="1x1", metavar="3x3", help="so many side by side, columns x rows")
    parser.add_argument("--mp4", type=Path, metavar="FILE", help="write a film instead of opening a window")


def _showing(settings: Settings, parsed: dict[str, Any]) -> dict[str, Any]:
    """Return what those options, and the machine, say."""
    if not 0.1 <= parsed["speed"] <= 1000:
        raise BadInputError(f"--speed: found {parsed['speed']}, expected 0.1 to 1000")
    from agent.enjoy import open_display
    from agent.replay import grid

    rows, columns = grid(parsed["grid"])
    window = parsed["mp4"] is None and has_display() and open_display()
    if not window and parsed["mp4"] is None:
        print("no display is there ($DISPLAY), so nothing is shown, only checked; --mp4 FILE makes a film", flush=True)
    look = {"rows": rows, "columns": columns, "speed": parsed["speed"]}
    return {**look, "film": parsed["mp4"], "window": window, "rom": settings.rom}


def _shown(show: Callable[..., int], *arguments: Any) -> int:
    """Show what was chosen until Ctrl-C; return the exit code."""
    from agent.processes import stop_on_signals

    return show(*arguments, stop_on_signals())


def _check_episodes(count: int) -> None:
    if count < 1:
        raise BadInputError(f"--episodes: found {count}, expected 1 or more")


def _address(settings: Settings) -> str:
    """Return where the server is; beside it, in a container, one knows only where that binds."""
    from agent.status import connect_address

    return settings.server if "server" in settings.model_fields_set else connect_address(settings.bind)


def _parser(name: str, command: Callable) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"a3c64 {name}", description=_summary(command), allow_abbrev=False)


def _summary(command: Callable) -> str:
    return (command.__doc__ or "").splitlines()[0]


def _run_module(name: str, arguments: list[str]) -> int:
    """Run a package that nothing here imports, in this process."""
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
