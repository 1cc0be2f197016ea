"""Compares n64gym's speed with stable-retro's and with the bare emulator's: `make bench-env`.

All three run on one core, in turn. The result is a table in Markdown on stdout.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gymnasium

import n64gym
from n64gym.games.openkart_telemetry import Telemetry, read_telemetry
from n64gym.machine.rom import OPEN_KART

ID = "n64gym/OpenKart-v0"
SETTINGS: dict[str, Any] = {"obs_type": "grayscale", "size": (84, 84), "frameskip": 4}
NOTHING, GAS = 0, 1  # indices in controller.DRIVING

ROUNDS = 5
RACE_STEPS = 120  # the first 8 s of a race in the game's time, for which stable-retro needs about 4 s
RACES = 40  # n64gym repeats these steps this often, because they take only a few hundredths of a second
IDLE_STEPS, IDLE_S = 3500, 1.0  # the work of n64gym and of the bare emulator; both take about as long
RESETS = 200
MANY = 16
OBSERVED_VIS = 500
SAME_PLACE = 0.005  # laps; largest distance between the two karts if both emulators ran the same race
SIDE_S = 60.0


def side(script: str, *arguments: object) -> dict[str, float]:
    """Run a side's script; return the JSON in the last line of its output."""
    command = [sys.executable, str(Path(__file__).with_name(script)), str(OPEN_KART), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SIDE_S)
    if done.returncode != 0:
        sys.exit(f"{script} has failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def telemetry(env: gymnasium.Env) -> Telemetry:
    return read_telemetry(env.unwrapped.emulator.rdram)


def steps(env: gymnasium.Env, action: int, count: int) -> tuple[int, float]:
    """Return the VIs that Open Kart counted, and the seconds that the steps took."""
    before, begin = telemetry(env), time.perf_counter()
    for _ in range(count):
        env.step(action)
    seconds = time.perf_counter() - begin
    return telemetry(env).vis - before.vis, seconds


def speeds(env: gymnasium.Env) -> dict[str, list[float]]:
    """Return VIs per second, one value per round."""
    rates: dict[str, list[float]] = {"retro": [], "racing": [], "idle": [], "all drawn": [], "free": []}
    env.reset()
    start = env.unwrapped.emulator.save_state()
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        retro = side("retro_side.py", RACE_STEPS)
        rates["retro"].append(retro["vis"] / retro["seconds"])

        vis, seconds = 0, 0.0
        for _ in range(RACES):
            env.reset()
            more_vis, more_seconds = steps(env, GAS, RACE_STEPS)
            vis, seconds = vis + more_vis, seconds + more_seconds
        rates["racing"].append(vis / seconds)
        progress = telemetry(env).race_progress
        if abs(progress - retro["progress"]) > SAME_PLACE * 65536:
            sys.exit(
                f"not the same race: n64gym came to {progress}, stable-retro to {retro['progress']}, of 65536 a lap"
            )

        free = side("free_side.py", start.path, IDLE_S)
        rates["free"].append(free["vis"] / free["seconds"])
        for name, foresee in (("idle", None), ("all drawn", lambda emulator, vis: None)):
            with patch.object(env.unwrapped, "foresee", foresee or env.unwrapped.foresee):
                env.reset()
                vis, seconds = steps(env, NOTHING, IDLE_STEPS)
                rates[name].append(vis / seconds)
    return rates


def resets(env: gymnasium.Env) -> list[float]:
    """Return the seconds of each reset; a few steps are taken before each."""
    taken = []
    for _ in range(RESETS):
        steps(env, GAS, 5)
        begin = time.perf_counter()
        env.reset()
        taken.append(time.perf_counter() - begin)
    return taken


def first_reset(cache: str) -> float:
    """Return the seconds that gymnasium.make and the first reset take."""
    begin = time.perf_counter()
    with gymnasium.make(ID, cache=cache, **SETTINGS) as env:
        env.reset()
        return time.perf_counter() - begin


def many(cache: str) -> tuple[float, float]:
    """Return the seconds until MANY environments in one program are made, and until all have been reset once."""
    begin = time.perf_counter()
    envs = gymnasium.make_vec(ID, MANY, cache=cache, **SETTINGS)
    made = time.perf_counter() - begin
    envs.reset()
    begun = time.perf_counter() - begin
    envs.close()
    return made, begun


def observation_cost() -> float:
    """Return the extra seconds for an observation: computing it in the emulator, and copying it."""
    plain = n64gym.Emulator(OPEN_KART)
    observed = n64gym.Emulator(OPEN_KART, observation=n64gym.ObservationFormat(84, 84, 1))
    taken: dict[n64gym.Emulator, list[float]] = {plain: [], observed: []}
    with plain, observed:
        for emulator in taken:
            emulator.step(600)  # both show the title screen
        for _ in range(OBSERVED_VIS):
            for emulator in taken:
                begin = time.perf_counter()
                emulator.step(2)  # a picture is drawn every second VI
                if emulator.observation is not None:
                    emulator.observation.copy()
                taken[emulator].append(time.perf_counter() - begin)
    return statistics.median(taken[observed]) - statistics.median(taken[plain])


def main() -> None:
    core = max(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    os.sched_setaffinity(0, {core})  # the emulators and the other sides inherit this

    with tempfile.TemporaryDirectory() as cache:
        cold, kept = first_reset(cache), first_reset(cache)
        with gymnasium.make(ID, cache=cache, stuck_limit=1e9, time_limit=1e9, **SETTINGS) as env:
            rates = speeds(env)
            reset_times = resets(env)
        made, begun = many(cache)

    middle = {name: statistics.median(values) for name, values in rates.items()}
    to_retro = statistics.median(a / b for a, b in zip(rates["racing"], rates["retro"], strict=True))
    to_free = statistics.median(a / b for a, b in zip(rates["all drawn"], rates["free"], strict=True))
    to_itself = statistics.median(a / b for a, b in zip(rates["idle"], rates["all drawn"], strict=True))
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    model = cpu[1] if cpu else "an unknown processor"
    print(f"""
`make bench-env`, {datetime.date.today()}: one core of {os.cpu_count()}, {model}; load {load:.1f} before the start.
Open Kart, frame skip 4, observations of 84x84 grey. VIs by the game's own count, medians of {ROUNDS} rounds in turn.
Racing: {RACE_STEPS} steps from the start line with A held, which stable-retro can press and the bare emulator cannot.
At the start line: nothing pressed. Running free, every picture is drawn, so n64gym is made to do the same beside it.

| One core | VI/s | Ratio | Wanted |
|---|---|---|---|
| stable-retro {version("stable-retro")} (parallel_n64), racing | {middle["retro"]:.0f} | 1 | |
| n64gym, racing | {middle["racing"]:.0f} | {to_retro:.0f} x stable-retro | 15 x |
| mupen64plus without plugins and stops, at the start line | {middle["free"]:.0f} | 100 % | |
| n64gym, every picture drawn, at the start line | {middle["all drawn"]:.0f} | {to_free:.1%} of the row above | 90 % |
| n64gym, needed pictures drawn, at the start line | {middle["idle"]:.0f} | {to_itself:.2f} x the row above | |

| n64gym | Time |
|---|---|
| gymnasium.make and first reset, without a cached start state | {cold:.2f} s |
| gymnasium.make and first reset, with a cached start state | {kept:.2f} s |
| reset, median of {RESETS} | {statistics.median(reset_times) * 1000:.1f} ms |
| reset, worst of {RESETS} | {max(reset_times) * 1000:.1f} ms |
| {MANY} environments made by gymnasium.make_vec, on one core | {made:.2f} s |
| {MANY} environments made and reset | {begun:.2f} s |
| one observation made and copied | {observation_cost() * 1e6:.0f} µs |
""")


if __name__ == "__main__":
    main()
