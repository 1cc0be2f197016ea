"""Measures how stale gradients affect learning, and how much a bound helps: `make bench-staleness`.

It trains CartPole-v1 with a real server and real workers in two situations. In one, SIGSTOP and SIGCONT make one of
four worker processes run a tenth of the time. In the other, sixteen workers take turns. The result is a table in
Markdown on stdout.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from bench_server import START_S, free_port, server

from a3c64.processes import end, spawn
from a3c64.wire.address import ServerAddress
from a3c64.wire.report import RunReport, Staleness
from a3c64.wire.status import fetch

HERE = Path(__file__).parent
SETTINGS = {
    "no bound": {},
    "refused above 8": {"A3C64_MAX_STALENESS": "8"},
}
FEW, MANY = 4, 16
RUNNING_S, STOPPED_S = 0.005, 0.045  # shorter than a rollout, so that each gradient of the slow worker is stale
LOOK_S = 0.25
GRACE_S = 5.0


class Outcome(NamedTuple):
    """The result of one run."""

    last: float  # mean return of the last 100 episodes
    mean: float  # mean of that figure over the run
    staleness: Staleness  # of the last 1000 gradients
    refused: float  # share of refused gradients
    seconds: float
    steps: int


def asked(address: ServerAddress) -> RunReport:
    """Return a server's report; exit if it does not answer."""
    report = fetch(address, timeout_s=START_S)
    if report is None:
        sys.exit(f"the server at {address} has stopped answering")
    return report


def await_workers(address: ServerAddress, count: int) -> None:
    """Wait until `count` workers have taken steps."""
    deadline = time.monotonic() + 2 * START_S
    while time.monotonic() < deadline:
        report = fetch(address, timeout_s=1.0)
        if report and sum(worker.steps > 0 for worker in report.workers) >= count:
            return
        time.sleep(LOOK_S)
    sys.exit(f"{count} workers have not begun within {2 * START_S:.0f} s")


@contextmanager
def slowed(process: psutil.Process) -> Iterator[None]:
    """Let a process run only a tenth of the time, with SIGSTOP and SIGCONT."""
    done = threading.Event()

    def alternate() -> None:
        while not done.is_set():
            process.send_signal(signal.SIGSTOP)
            done.wait(STOPPED_S)
            process.send_signal(signal.SIGCONT)
            time.sleep(RUNNING_S)

    thread = threading.Thread(target=alternate)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def workers(address: ServerAddress, count: int, one_slow: bool) -> Iterator[None]:
    """Run workers of a server: as processes if one is slow, else as threads, because sixteen processes are too many."""
    if not one_slow:
        side = [str(HERE / "threads_side.py"), address.url, str(address.key_file), str(count)]
        children = [spawn(side, stdin=subprocess.DEVNULL)]
    else:
        own = {"A3C64_SERVER": address.url, "A3C64_KEY_FILE": str(address.key_file)}
        children = [spawn(["-m", "a3c64.worker"], own, stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        await_workers(address, count)
        if one_slow:
            with slowed(psutil.Process(children[0].pid)):
                yield
        else:
            yield
    finally:
        end(children, GRACE_S)


def run(settings: dict[str, str], one_slow: bool, seed: int, steps: int, limit_s: float) -> Outcome:
    """Train for `steps` from when all workers have begun, for at most `limit_s` seconds."""
    given = {"A3C64_ENV_ID": "CartPole-v1", "A3C64_SEED": str(seed), "A3C64_STATUS_INTERVAL": "1", **settings}
    given |= {} if one_slow else {"A3C64_ENVS_PER_WORKER": "1"}
    count = FEW if one_slow else MANY
    with server(free_port(), given) as (address, _), workers(address, count, one_slow):
        first = asked(address)
        begin = time.monotonic()
        report, returns = first, []
        while report.steps - first.steps < steps and time.monotonic() - begin < limit_s:
            time.sleep(LOOK_S)
            report = asked(address)
            returns.append(report.mean_return or 0.0)
        refused = report.refused.get("stale", 0)
    seconds = time.monotonic() - begin
    share = refused / max(1, refused + report.updates)
    assert report.staleness is not None
    return Outcome(returns[-1], statistics.mean(returns), report.staleness, share, seconds, report.steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000, help="of the environment, a run (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=40.0, help="seconds a run may take (default: %(default)s)")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--situations", nargs="+", choices=("slow", "many"), default=("slow", "many"))
    options = parser.parse_args()
    load, rows = os.getloadavg()[0], []
    for situation in options.situations:
        slow = situation == "slow"
        for name in options.settings:
            settings, outcomes = SETTINGS[name], []
            for seed in range(options.seeds):
                outcomes.append(run(settings, slow, seed, options.steps, options.limit))
                print(situation, name, seed, outcomes[-1], file=sys.stderr, flush=True)
            last = [outcome.last for outcome in outcomes]
            stale = {
                key: statistics.median(getattr(o.staleness, key) for o in outcomes) for key in ("median", "p95", "max")
            }
            rows.append(
                f"| {f'{FEW}, one at a tenth' if slow else f'{MANY}, taking turns'} | {name} "
                f"| {stale['median']:.0f} | {stale['p95']:.0f} | {stale['max']:.0f} "
                f"| {statistics.mean(o.refused for o in outcomes):.0%} "
                f"| {statistics.mean(last):.0f} ({min(last):.0f} to {max(last):.0f}) "
                f"| {statistics.mean(o.mean for o in outcomes):.0f} "
                f"| {statistics.mean(o.seconds for o in outcomes):.0f} "
                f"| {statistics.mean(o.steps for o in outcomes):,.0f} |"
            )
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    table = "\n".join(rows)
    print(f"""
`make bench-staleness`, {datetime.date.today()}: {os.cpu_count()} cores, {cpu[1] if cpu else "unknown"}; load \
{load:.1f} before the start.
CartPole-v1, {options.steps:,} steps a run, at most {options.limit:.0f} s, {options.seeds} seeds. Staleness: of the last
1,000 gradients. Return: mean of the last 100 episodes at the end, lowest and highest seed; and over the whole run.

| Workers | Setting | Staleness, median | p95 | max | Refused | Return at the end | over the run | Seconds | Steps |
|---|---|---|---|---|---|---|---|---|---|
{table}
""")


if __name__ == "__main__":
    main()
