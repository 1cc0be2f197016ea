"""Runs the benches' programs, a3c64 and Stable-Baselines3's side. Each is ended before the next begins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from a3c64.processes import end, start

ROOT = Path(__file__).resolve().parents[2]
SB3_PYTHON = Path(os.environ.get("BENCH_PYTHON", ROOT / ".venv-bench" / "bin" / "python"))
SB3_SIDE = Path(__file__).with_name("sb3_side.py")
A3C64 = [sys.executable, "-m", "a3c64"]
STOP_S = 15.0  # time for a run to write its last checkpoint


def path_of_modules() -> dict[str, str]:
    """Return the PYTHONPATH of children in either environment, with the project's modules first."""
    kept = os.environ.get("PYTHONPATH")
    ours = [str(ROOT), str(ROOT / "env-image")]
    return {"PYTHONPATH": os.pathsep.join([*ours, kept] if kept else ours)}


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """Run a program; end it and its descendants at the end, even if this process is killed."""
    process = start(command, path_of_modules(), cwd=ROOT, **options)
    try:
        yield process
    finally:
        end([process], STOP_S)


def output_of(command: Sequence[str], timeout: float) -> str:
    """Run a program; return its output. Raises RuntimeError if it fails or exceeds the timeout."""
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{' '.join(command[:4])} ... has not ended within {timeout:.0f} s") from None
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} has failed:\n{err[-2000:]}")
    return out


def result_of(command: Sequence[str], timeout: float) -> dict[str, Any]:
    """Run a program; return the JSON in the last line of its output, or the JSON object that is its whole output.

    Raises RuntimeError if it fails or exceeds the timeout.
    """
    out = output_of(command, timeout)
    text = out[out.index("{\n") :] if "{\n" in out else out.splitlines()[-1]
    return json.loads(text)


def sb3(task: str, algorithm: str, timeout: float, **options: Any) -> dict[str, Any]:
    """Return the result of sb3_side.py. `options` are its flags."""
    if not SB3_PYTHON.exists():
        sys.exit(f"{SB3_PYTHON} is missing: make .venv-bench/bench .venv-bench/sb3")
    flags: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        flags += [flag] if value is True else [] if value is False else [flag, str(value)]
    return result_of([str(SB3_PYTHON), str(SB3_SIDE), task, algorithm, *flags], timeout)


def n64gym_arguments(hyperparameters: Any, more: Mapping[str, Any]) -> str:
    """Return the arguments, as JSON, that agent/envs/batch.py gives an environment of n64gym."""
    colours = {"rgb": "rgb", "grey": "grayscale"}[hyperparameters.frame_colours]
    size = [hyperparameters.frame_size] * 2
    return json.dumps({"obs_type": colours, "size": size, **more})


def hardware() -> dict[str, Any]:
    """Describe this machine for the results."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else "an unknown processor",
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
    }
