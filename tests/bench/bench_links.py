"""Measures learning of Open Kart by workers behind bad links and by local ones: `make bench-links`.

The machines are network namespaces, and their links are those of tests/agent/slow_link.py: 20 ms each way, 1 % of
packets lost, 100 Mbit/s. So this needs root. A run ends when 95 % of the last 100 episodes of training finish. All
machines share this machine's cores, so runs are comparable only while nothing else runs. Results are JSON files in
docs/results/links.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from programs import ROOT, hardware

sys.path.insert(0, str(ROOT / "tests" / "agent"))

from joined import A3C64, Program
from live import until
from machines import SERVER, Machines
from slow_link import FAR

RESULTS = ROOT / "docs" / "results" / "links"
GOAL = 0.95
PORT = 5600  # in a network namespace, so it is free
START_S = 300.0
LOOK_S = 1.0


class Variant(NamedTuple):
    """Where the workers are, and how they exchange."""

    machines: Sequence[int]  # one worker on each; 0 = the server's machine
    compression: str


VARIANTS = {
    "local": Variant((0, 0), "none"),
    "far": Variant((1, 2), "4bit"),
    "far-whole": Variant((1, 2), "none"),
    "mixed": Variant((0, 1, 2), "4bit"),
    "alone": Variant((0,), "none"),
}


def learn(variant: Variant, seed: int, limit_s: float) -> dict[str, Any]:
    """Train until the goal; return the time and steps, and the workers' figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        machines = Machines(FAR, FAR)
        stack.callback(machines.close)
        run_dir = folder / "run"

        def start(machine: int, line: str, name: str) -> Program:
            program = Program(machines.on(machine), f"{A3C64} {line}", folder, name)
            stack.callback(program.close)
            return program

        bind = f"--bind tcp://0.0.0.0:{PORT} --run-dir {run_dir}"
        server = start(
            0, f"server {bind} --seed {seed} --eval-interval 0 --tensorboard-port 0 --web-port 6080", "server"
        )
        report = run_dir / "web" / "run.json"
        until(lambda: server.process.poll() is not None or report.exists(), START_S, "the server")
        if server.process.poll() is not None:
            sys.exit(server.log)
        link = start(0, f"keys {bind} --address {SERVER}", "keys")
        link.process.wait(START_S)
        line = link.lines[-1].removeprefix("a3c64 ")
        for number, machine in enumerate(variant.machines):
            start(machine, f"{line} --workers 1 --compression {variant.compression}", f"worker{number}")
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            now = json.loads(report.read_text())
            if finished(now) >= GOAL:
                break
        kept = ("steps", "seconds", "updates", "staleness", "refused", "traffic", "lost")
        workers = [
            {name: one[name] for name in ("steps", "steps_per_s", "staleness", "host")} for one in now["workers"]
        ]
        return {**{name: now[name] for name in kept}, "finished": finished(now), "workers": workers}


def finished(report: dict[str, Any]) -> float:
    """Return the share of the last 100 episodes that finished."""
    return next((one["mean"] for one in report["figures"] if one["name"] == "finished"), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*", choices=[*VARIANTS, []], help=f"{', '.join(VARIANTS)}; all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds of a run at most (default: %(default)s)")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for name in options.variants or VARIANTS:
            machine = hardware()
            result = {
                "command": shlex.join(["python", "tests/bench/bench_links.py", name, "--seeds", str(seed)]),
                "date": str(datetime.date.today()),
                "hardware": machine,
                "variant": name,
                "seed": seed,
                "link": FAR._asdict(),
                **learn(VARIANTS[name], seed, options.limit),
            }
            (RESULTS / f"{name}-seed{seed}.json").write_text(json.dumps(result, indent=1) + "\n")
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
