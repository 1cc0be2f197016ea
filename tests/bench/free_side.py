"""The bare emulator's side of bench_env.py: mupen64plus without plugins, running without stops.

python tests/bench/free_side.py ROM SAVESTATE SECONDS prints the result as its last line. The settings are those of
n64gym/machine/host.py. The core replaces missing plugins by dummies: no screen, no sound, no controller. Open Kart
still draws into RDRAM with the CPU.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import threading
import time
from ctypes import byref, c_int
from pathlib import Path

import numpy as np

from n64gym.games import openkart_telemetry as openkart
from n64gym.machine import host
from n64gym.machine.shared import RDRAM_BYTES

STATE_LOAD = 10  # from m64p_types.h, like the commands in host.py
POINTER_RDRAM = 1
START_S = 10.0
POLL_S = 0.01


def main() -> None:
    rom, state, seconds = Path(sys.argv[1]).read_bytes(), sys.argv[2].encode(), float(sys.argv[3])
    core = host.load(host.CORE, host.EMULATOR_PACKAGES)
    core.DebugMemGetPointer.restype = ctypes.c_void_p
    silent = host.DebugCallback(lambda _context, _level, _text: None)
    with tempfile.TemporaryDirectory() as folder:
        started = core.CoreStartup(host.FRONTEND_API, folder.encode(), host.CORE_DATA, None, silent, None, None)
        host.check(started, "the core does not start")
        host.configure(core, {"folder": folder, "screen": (480, 640)})
        host.check(core.CoreDoCommand(host.ROM_OPEN, len(rom), rom), "the core refuses the ROM")
        unlimited = core.CoreDoCommand(host.CORE_STATE_SET, host.SPEED_LIMITER, byref(c_int(0)))
        host.check(unlimited, "the speed limiter stays on")
        threading.Thread(target=core.CoreDoCommand, args=(host.EXECUTE, 0, None), daemon=True).start()
        print(json.dumps(measure(core, state, seconds)), flush=True)
    os._exit(0)  # the core's dummies do not survive M64CMD_STOP


def measure(core: ctypes.CDLL, state: bytes, seconds: float) -> dict[str, float]:
    """Return the VIs that Open Kart counts in about `seconds` after the savestate."""
    while not (address := core.DebugMemGetPointer(POINTER_RDRAM)):  # bench_env.py has the timeout
        time.sleep(POLL_S)
    rdram = np.frombuffer((ctypes.c_uint32 * (RDRAM_BYTES // 4)).from_address(address), np.uint32)
    await_stage(rdram, openkart.TITLE)
    core.CoreDoCommand(STATE_LOAD, 0, state)
    await_stage(rdram, openkart.RACE)
    before, begin = openkart.read_telemetry(rdram).vis, time.perf_counter()
    time.sleep(seconds)
    after, end = openkart.read_telemetry(rdram).vis, time.perf_counter()
    return {"vis": after - before, "seconds": end - begin}


def await_stage(rdram: np.ndarray, stage: int) -> None:
    """Wait until the game is in a stage. Raises TimeoutError."""
    end = time.monotonic() + START_S
    while openkart.read_telemetry(rdram).stage != stage:
        if time.monotonic() > end:
            raise TimeoutError(f"Open Kart has not come to stage {stage} within {START_S:.0f} s")
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
