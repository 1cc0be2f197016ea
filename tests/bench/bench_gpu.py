"""The processor time of a step of a ROM that draws with the GPU, by the size of the picture: `make bench-gpu`.

Every size is measured in turn, ROUNDS times. The time includes the X server that the video plugin draws on. The ROM is
tests/roms/gpu.S: two rectangles on a background, and a new picture every second VI.
"""

import statistics
from pathlib import Path

import psutil

from n64gym.machine.emulator import Emulator, ObservationFormat

ROM = Path(__file__).parents[1] / "roms" / "build" / "gpu.z64"
ROUNDS, STEPS, VIS = 7, 1000, 4
DRAWN = ((480, 640), (240, 320), (120, 160))  # sizes of the picture; (240, 320) is the default
OBSERVED = (84, 42)


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the processor time that the processes have used, in seconds."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def cost(emulator: Emulator) -> float:
    """Return the processor time of a step, in seconds."""
    host = psutil.Process(emulator.pid)
    processes = [host, *host.children()]
    before = cpu_seconds(processes)
    for step in range(STEPS):
        emulator.step(VIS, (step & 7) << 8)
    return (cpu_seconds(processes) - before) / STEPS


def main() -> None:
    """Print a table."""
    rows = {f"drawn at {h}x{w}, observed at {side}x{side}": ((h, w), side) for h, w in DRAWN for side in OBSERVED}
    emulators = {
        name: Emulator(ROM, video="glide64mk2", video_size=size, observation=ObservationFormat(side, side, 1))
        for name, (size, side) in rows.items()
    }
    emulators["no picture"] = Emulator(ROM)
    costs: dict[str, list[float]] = {name: [] for name in emulators}
    for emulator in emulators.values():
        emulator.step(60)
    for _ in range(ROUNDS):
        for name, emulator in emulators.items():
            costs[name].append(cost(emulator))
    for name, seconds in costs.items():
        median = statistics.median(seconds)
        low, high = min(seconds), max(seconds)
        print(f"{name:42} {1e6 * median:6.0f} us of CPU a step ({1e6 * low:.0f} to {1e6 * high:.0f})", end="")
        print(f", {VIS / median:7.0f} VIs per second of CPU")
    for emulator in emulators.values():
        emulator.close()


if __name__ == "__main__":
    main()
