"""Measures the parameter server's throughput and memory with 1 to 256 workers: `make bench-server`.

Workers as on other machines (encrypted, 4 bits a number), as on the server's (encrypted), and without encryption;
beside them Ray and memcpy. The server is a real server process on a TCP socket. The workers are those of
worker_side.py, in one process. Ray gets fewer workers, because each is a process. The result is tables in Markdown on
stdout, and with --out a file for ceiling.py.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ceiling
import numpy as np
from programs import hardware

from a3c64.envs.actions import Categorical
from a3c64.envs.spaces import Shape
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import total_size
from a3c64.paramserver.optimiser import rmsprop
from a3c64.processes import end, spawn
from a3c64.wire.address import ServerAddress
from a3c64.wire.status import fetch
from n64gym.machine.controller import DRIVING

HERE = Path(__file__).parent
WORKERS = (1, 2, 4, 8, 16, 64, 256)
RAY_WORKERS = (1, 2, 4, 8)
RAY = HERE.parents[1] / ".venv-bench/ray"  # `make` creates this file when it has installed Ray
RAY_PYTHON = RAY.parent / "bin/python"
START_S = 30.0
SIDE_S = 120.0  # timeout of a side
REPETITIONS = 200
FORMS = {"4 bits a number": "4bit", "whole numbers": "none", "whole numbers, not encrypted": "none"}
PLAIN = {"A3C64_NO_ENCRYPTION": "true"}
ONE_STEP = {"A3C64_T_MAX": "1", "A3C64_ENVS_PER_WORKER": "1"}  # worker_side.py pushes gradients of one step
Figures = dict[str, float]


def open_kart_size() -> int:
    """Return the number of parameters of the default model for Open Kart."""
    hyperparameters = Hyperparameters()
    channels = (3 if hyperparameters.frame_colours == "rgb" else 1) * hyperparameters.frame_stack
    shape = Shape((hyperparameters.frame_size, hyperparameters.frame_size, channels), 0)
    return total_size(design(shape, Categorical(len(DRIVING)), hyperparameters).specs)


@contextmanager
def server(port: int, given: Mapping[str, str] | None = None) -> Iterator[tuple[ServerAddress, int]]:
    """Run a server in a temporary folder; yield its address and process id."""
    url = f"tcp://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "A3C64_BIND": url,
            "A3C64_RUN_DIR": f"{folder}/run",
            "A3C64_TENSORBOARD_PORT": "0",
            "A3C64_WEB_PORT": "0",
        }
        settings |= given or {}
        plain = settings.get("A3C64_NO_ENCRYPTION") == "true"
        address = ServerAddress(url, None if plain else Path(folder) / "run" / "keys" / "client")
        process = spawn(["-m", "a3c64.paramserver"], settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_S
            while fetch(address, timeout_s=0.2) is None:
                if time.monotonic() > deadline or process.poll() is not None:
                    sys.exit(f"the parameter server has not come up at {url}")
            yield address, process.pid
        finally:
            end([process], grace_s=10.0)


def side(python: str | Path, script: str, *arguments: object) -> Figures:
    """Run a side's script; return the JSON in the last line of its output."""
    command = [str(python), str(HERE / script), *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SIDE_S)
    except subprocess.TimeoutExpired:
        sys.exit(f"{script} has not ended within {SIDE_S:.0f} s")
    if done.returncode != 0:
        sys.exit(f"{script} has failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median CPU time of `work`, milliseconds."""
    taken = []
    for _ in range(REPETITIONS):
        begin = time.thread_time()
        work()
        taken.append(time.thread_time() - begin)
    return statistics.median(taken) * 1000


def floors(size: int) -> tuple[float, float]:
    """Return lower bounds per update, milliseconds: copying gradient and weights, and RMSProp, on existing arrays."""
    generator = np.random.default_rng(0)
    gradient = generator.normal(scale=1e-3, size=size).astype(np.float32)
    weights, inside, outside, mean_square, scratch = (np.zeros(size, np.float32) for _ in range(5))

    def copy() -> None:
        np.copyto(inside, gradient)
        np.copyto(outside, weights)

    def optimise() -> None:
        rmsprop(weights, mean_square, gradient, scratch, 100, 3e-4, 0.99, 1e-8)

    return milliseconds(copy), milliseconds(optimise)


def row(name: str, workers: int, figures: Figures) -> str:
    each = (figures["resident_mb"] - figures["alone_mb"]) / workers
    return (
        f"| {name} | {workers} | {figures['updates_per_s']:.0f} | {figures['p50_ms']:.1f} | {figures['p99_ms']:.1f} "
        f"| {figures['sent_kb']:.1f} | {figures['received_kb']:.1f} | {figures['cpu_ms']:.2f} "
        f"| {figures['resident_mb']:.0f} | {each:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--parameters", type=int, default=open_kart_size(), help="default: %(default)s, Open Kart's")
    parser.add_argument("--seconds", type=float, default=7.0, help="of measuring, a row")
    parser.add_argument("--no-ray", dest="ray", action="store_false", help="leave out Ray")
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    parser.add_argument("--port", type=int, default=0, help="of the server; 0 = a free one")
    options = parser.parse_args()
    size, load = options.parameters, os.getloadavg()[0]

    ours: dict[str, dict[int, Figures]] = {form: {} for form in FORMS}
    for count in options.workers:
        for form, compression in FORMS.items():
            print(f"{count} workers, {form}", file=sys.stderr)
            settings = ONE_STEP | (PLAIN if "not encrypted" in form else {})
            with server(options.port or free_port(), settings) as (address, pid):
                arguments = (address.url, address.key_file or "none", pid, count, size, options.seconds, compression)
                ours[form][count] = side(sys.executable, "worker_side.py", *arguments)
    rows = [row(f"a3c64, {form}", count, ours[form][count]) for form in ours for count in ours[form]]
    theirs = {}
    for count in RAY_WORKERS if RAY.exists() and options.ray else ():
        print(f"{count} workers of Ray", file=sys.stderr)
        theirs[count] = side(RAY_PYTHON, "ray_side.py", count, size, options.seconds)
        rows.append(row("Ray", count, theirs[count]))
    copying, optimising = floors(size)
    for name, taken in (("memcpy, in and out", copying), ("RMSProp, on arrays at hand", optimising)):
        rows.append(f"| {name} | - | {1000 / taken:.0f} | - | - | - | - | {taken:.2f} | - | - |")

    results = {
        "command": shlex.join(["python", "tests/bench/bench_server.py", *sys.argv[1:]]),
        "date": str(datetime.date.today()),
        "hardware": {**hardware(), "load_before": round(load, 2)},
        "parameters": size,
        "rows": {form: {str(count): figures for count, figures in ours[form].items()} for form in ours},
    }
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    table = "\n".join(rows)
    print(f"""
`make bench-server`, {datetime.date.today()}: {os.cpu_count()} cores, {cpu[1] if cpu else platform.machine()}; \
load {load:.1f} before the start.
{size:,} parameters ({4 * size / 1e6:.1f} MB); {options.seconds:.0f} s a row. Simulated workers push their next gradient
as soon as the answer to the last has come, so the server is always busy; they share the cores with it. From 4 workers
on each also asks for the newest weights before a gradient, as workers do. Update: a gradient with this question.
Reply: from sending a gradient to having the new weights. CPU: of the server's process, all threads and its kernel time.
Memory: what is resident; Ray's counts the shared memory its object store is mapped from.

| | Workers | Updates/s | Reply p50, ms | p99, ms | To the server, KB | From it, KB | Server CPU/update, ms \
| Server memory, MB | of it a worker, MB |
|---|---|---|---|---|---|---|---|---|---|
{table}

{ceiling.table(results) if int(ceiling.WORKERS) in options.workers else ""}""")
    equal = ours["whole numbers, not encrypted"]
    for count in sorted(set(equal) & set(theirs)):
        faster = equal[count]["updates_per_s"] / theirs[count]["updates_per_s"]
        cheaper = theirs[count]["cpu_ms"] / equal[count]["cpu_ms"]
        print(f"{count} workers: {faster:.1f} x Ray's updates/s, at 1/{cheaper:.1f} of its server's CPU per update.")


if __name__ == "__main__":
    main()
