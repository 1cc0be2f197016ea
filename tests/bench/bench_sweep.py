"""Compare a sweep's best preset with the settings before it, on seeds that the sweep did not use.

    python tests/bench/bench_sweep.py SPACE.toml --before agent/presets/lander.toml --after BEST.toml --out FILE.json

Both presets train the sweep's environment for the same number of steps. The mean return of the last weights counts, as
in the sweep.
"""

import argparse
import json
import os
import resource
import threading
import tomllib
from pathlib import Path

from a3c64.sweep.space import read
from a3c64.sweep.trial import run_trial


def main() -> None:
    """Train with both presets and every seed, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("space", type=Path, help="the sweep's file")
    parser.add_argument("--before", type=Path, required=True, help="a preset's file")
    parser.add_argument("--after", type=Path, required=True, help="a preset's file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--env-id", help="instead of the sweep's")
    parser.add_argument("--steps", type=int, help="instead of the sweep's")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    space = read(arguments.space)
    assert not set(arguments.seeds) & set(space.seeds), "the sweep used these seeds"
    common = space.run | {"env_id": arguments.env_id or space.run["env_id"]}
    common["total_timesteps"] = arguments.steps or common["total_timesteps"]
    told = {"env_id": common["env_id"], "steps": common["total_timesteps"], "load": os.getloadavg()[0]}
    for side in ("before", "after"):
        preset: Path = getattr(arguments, side)
        told[side] = {"settings": tomllib.loads(preset.read_text())["settings"], "mean_return": {}, "cpu_s": {}}
    for seed in arguments.seeds:
        for side in ("before", "after"):  # in turn, so that the machine's load is about the same for both
            run = space._replace(run=common | {"preset": str(getattr(arguments, side))}, seeds=(seed,))
            begun = _cpu_s()
            folder = arguments.out.with_suffix("") / side
            score = run_trial(run, {}, folder, lambda step, value: None, threading.Event())
            told[side]["mean_return"][str(seed)] = round(score, 2)
            told[side]["cpu_s"][str(seed)] = round(_cpu_s() - begun, 1)
            print(f"{side}, seed {seed}: {score:.2f}", flush=True)
            arguments.out.write_text(json.dumps(told, indent=1) + "\n")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
