"""Measures the display's cost: the same training without a display, with one, and with a VNC client connected to it.

`make bench-view` measures the three in turn, each round in another order, in under 5 minutes. The result is a table in
Markdown on stdout.
"""

from __future__ import annotations

import argparse
import datetime
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_training import free_port, steps_at
from programs import A3C64, hardware, running

ROUNDS = 4
SECONDS = 10.0  # per measurement
START_S = 120.0  # longest start of a run
WARM_STEPS = 4000  # steps of a run before the measurement
WORKERS = 2
CLIENT = Path(__file__).with_name("vnc_client.py")
NOTHING, UNWATCHED, WATCHED = "no display", "a display, no client connected", "a display, one VNC client connected"
WANTED = {NOTHING: "", UNWATCHED: "under 3 %", WATCHED: "under 6 %"}


def greets(port: int) -> bool:
    """Return whether a VNC server listens on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.settimeout(2)
            return connection.recv(12).startswith(b"RFB ")
    except OSError:
        return False


def training(kind: str, seconds: float, port: int) -> float:
    """Return the steps per second of `a3c64 train`, by the server's count. Uses `port` and the WORKERS - 1 after it."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        flags = {
            "workers": WORKERS,
            "bind": address,
            "run-dir": f"{folder}/run",
            "tensorboard-port": 0,
            "web-port": 0,
            "eval-interval": 0,
            "replays-mb": 0,
            "vnc-port": 0 if kind == NOTHING else port,
        }
        command = [*A3C64, "train", *(word for name, value in flags.items() for word in (f"--{name}", str(value)))]
        with running(command, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + START_S
            ports = [] if kind == NOTHING else [port + k for k in range(WORKERS)]
            while steps_at(address)[1] < WARM_STEPS or not all(map(greets, ports)):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"a3c64 train with {kind} has not begun within {START_S:.0f} s")
                time.sleep(0.2)
            time.sleep(2.0)  # let the VNC servers settle after the connections of `greets`
            if kind != WATCHED:
                return measure(address, seconds)
            watch = [sys.executable, str(CLIENT), str(port), str(seconds + 3.0), f"{folder}/run/keys/vnc"]
            with running(watch, stdout=subprocess.PIPE, text=True) as client:
                time.sleep(1.0)
                rate = measure(address, seconds)
                said, _ = client.communicate(timeout=30.0)
                if client.returncode or '"updates": 0' in said:
                    raise RuntimeError(f"the VNC client saw nothing: {said}")
            print(f"the client: {said.strip()}", file=sys.stderr, flush=True)
            return rate


def measure(address: str, seconds: float) -> float:
    begin, first = steps_at(address)
    time.sleep(seconds)
    end, last = steps_at(address)
    return (last - first) / (end - begin)


def main(rounds: int, seconds: float, port: int) -> None:
    machine = hardware()
    kinds = list(WANTED)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds[number % 3 :] + kinds[: number % 3]:
            rates[kind].append(training(kind, seconds, port))
            print(f"round {number + 1}, {kind}: {rates[kind][-1]:.0f} steps/s", file=sys.stderr, flush=True)
    middle = {kind: statistics.median(values) for kind, values in rates.items()}
    print(f"""
`make bench-view`, {datetime.date.today()}: {machine["cores"]} cores, {machine["cpu"]}; \
load {machine["load_before"]} before the start.
Open Kart, {WORKERS} workers; environment steps per second of the whole run, medians of {rounds} rounds in turn.

| | Steps/s | Lowest to highest | Cost | Wanted |
|---|---|---|---|---|""")
    for kind, wanted in WANTED.items():
        cost = "" if kind == NOTHING else f"{1.0 - middle[kind] / middle[NOTHING]:.1%}"
        spread = f"{min(rates[kind]):.0f} to {max(rates[kind]):.0f}"
        print(f"| {kind} | {middle[kind]:.0f} | {spread} | {cost} | {wanted} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--port", type=int, default=15950, help="the first worker's VNC port")
    given = parser.parse_args()
    main(given.rounds, given.seconds, given.port)
