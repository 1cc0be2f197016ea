"""The command that checks a machine and a ROM: doctor."""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import BadInputError, Settings, named
from a3c64.files import why_unwritable
from a3c64.output import say

if TYPE_CHECKING:
    from a3c64.api.training import Training
    from n64gym import Checked, Finding

EXIT_FINDINGS = 1
REPORT = Path("a3c64-doctor.md")
TRAIN_S = 20.0
START_S = 180.0  # timeout until a run has trained for the first time
ASK_S = 1.0
OPEN_KART_STEPS = 360_000  # until its policy finishes 19 of 20 races: docs/results/goals.md, three seeds
STEPS = (1_000_000, 10_000_000)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.add_argument("--report", type=Path, default=REPORT, metavar="FILE", help=f"default: {REPORT}")
    parser.add_argument(
        "--train-seconds",
        type=float,
        default=TRAIN_S,
        metavar="S",
        help="length of the training from which the forecast is made; 0 = none (default: %(default)g)",
    )


def doctor(settings: Settings, parsed: Parsed) -> int:
    """Check this machine and a ROM in about a minute, and write a report; exit code 1 if a check failed."""
    at_least("train-seconds", parsed["train_seconds"], 0)
    if reason := why_unwritable(parsed["report"]):
        raise BadInputError(f"--report: {parsed['report']} cannot be written: {reason}")
    from a3c64.processes import limit_threads

    limit_threads()
    import n64gym
    from a3c64.doctor import machine, report

    try:
        if settings.rom:
            n64gym.open_rom(settings.rom)
    except n64gym.RomError as error:
        raise BadInputError(f"{named('rom')}: {error}") from None
    found: dict[str, list[Finding]] = {}

    def part(title: str) -> "Callable[[Finding], None]":
        say("")
        say(title)
        found[title] = []

        def show(finding: "Finding") -> None:
            found[title].append(finding)
            for line in finding.lines():
                say(line)

        return show

    show = part("Machine")
    for finding in machine.check(settings):
        show(finding)
    checked = n64gym.check_rom(settings.rom, part("Game" if settings.rom else "Open Kart"))
    _forecast(checked, settings.rom, parsed["train_seconds"], part("Forecast"))
    try:
        report.write(parsed["report"], found)
    except OSError as error:
        raise BadInputError(f"--report: {parsed['report']} cannot be written: {error.strerror}") from None
    states = [finding.state for findings in found.values() for finding in findings]
    counts = ", ".join(f"{states.count(state)} {state}" for state in n64gym.FindingState if state in states)
    say("")
    say(f"{counts}; {parsed['report']} has it all, without data of the game: attach it to an issue")
    return EXIT_FINDINGS if n64gym.FindingState.FAIL in states else 0


def _forecast(checked: "Checked", path: str, seconds: float, show: "Callable[[Finding], None]") -> None:
    """Show how long a training takes at the speed of a short one."""
    from n64gym import Finding

    if checked.speed is None or not checked.env_id:
        show(Finding.note("training", "not tried", "the game must run, and have an environment with a reward"))
        return
    if not seconds:
        show(Finding.note("training", "not tried", "leave --train-seconds out for a forecast"))
        return
    from a3c64.api.training import train
    from a3c64.doctor.machine import cores

    workers = cores()
    with tempfile.TemporaryDirectory(prefix="a3c64-doctor-") as folder:
        try:
            with train(
                checked.env_id,
                Path(folder) / "run",
                rom=path,
                workers=workers,
                env_args=checked.env_args,
                eval_interval=0,
            ) as run:
                speed = _speed_of(run, seconds)
        except (BadInputError, RuntimeError) as error:
            said = str(error).replace(folder + "/", "").splitlines()
            show(Finding.fail("training", said[-1] if said else "it failed", "attach the report to an issue"))
            return
    if not speed:
        show(Finding.fail("training", f"no step within {START_S:.0f} s", "run again on an idle machine"))
        return
    show(Finding.ok("training", f"{speed:,.0f} steps a second with {workers} workers, measured for {seconds:.0f} s"))
    times = ", ".join(f"{steps:,} steps in {_duration(steps / speed)}" for steps in STEPS)
    show(Finding.ok("training time", f"{times}, if this machine has nothing else to do"))
    about = f"Open Kart needs about {OPEN_KART_STEPS:,}: {_duration(OPEN_KART_STEPS / speed)} at this speed"
    if checked.env_id == "n64gym/OpenKart-v0":
        show(Finding.ok("steps to learn it", about))
    else:
        show(
            Finding.unproven("steps to learn it", f"not known for this game. {about}", "train, and look at the returns")
        )


def _speed_of(run: "Training", seconds: float) -> float:
    """Return a run's steps a second, once all of its workers train; 0 if they do not."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and run.running:
        status = run.status()
        if status and status.workers and all(worker.steps for worker in status.workers):
            break
        time.sleep(ASK_S)
    else:
        return 0.0
    begun, steps = time.monotonic(), status.steps
    run.wait(seconds)
    status = run.status()
    return (status.steps - steps) / (time.monotonic() - begun) if status else 0.0


def _duration(seconds: float) -> str:
    """Return a duration in a suitable unit."""
    minutes = seconds / 60
    return f"{minutes / 60:.1f} h" if minutes > 90 else f"{minutes:.1f} min"


COMMANDS = (Command("doctor", doctor, add_options),)
