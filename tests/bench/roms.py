"""Opens every ROM of a folder in n64gym/Rom-v0, plays it twice with the same random actions, and prints a table:
`make roms DIR=~/roms`. It copies and keeps nothing."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import gymnasium

import n64gym

ENDINGS = (".z64", ".v64", ".n64", ".zip", ".gz")
STEPS = 100
FRAMESKIP = 4  # VIs a step
GPU = "glide64mk2"  # draws display lists
HEAD = ("file", "name", "processor", "who draws", "RSP programs", "lists", "picture", "VI/s", "repeats", "remark")


class Run(NamedTuple):
    """What one run of a ROM showed."""

    processor: str
    display_lists: int
    rdp_lists: int
    interpreted: int  # RSP programs that mupen64plus-rsp-z64 ran
    unknown: int  # RSP programs that nobody ran
    has_picture: bool  # one that is not black
    vis_per_second: float  # of the emulator's processor time, without its start
    digest: str  # of all pictures, and of RDRAM at the end


def run(rom: n64gym.Rom, video: str | None) -> Run:
    """Play a ROM for STEPS steps from power-on. Raises EmulatorError."""
    digest, has_picture = hashlib.sha256(), False
    with gymnasium.make("n64gym/Rom-v0", rom=rom, cache=False, video=video, frameskip=FRAMESKIP) as env:
        env.action_space.seed(1)
        env.reset(seed=1)
        game: n64gym.N64Env = env.unwrapped  # type: ignore[assignment]
        assert game.emulator is not None
        start_s = cpu_seconds(game.emulator.pid)
        for _ in range(STEPS):
            observation, _, _, cut, info = env.step(env.action_space.sample())
            if cut:
                raise n64gym.EmulatorError(info["emulator_error"])
            has_picture |= bool(observation.any())
            digest.update(observation)
        emulator = game.emulator
        digest.update(emulator.rdram.tobytes())
        return Run(
            emulator.console.processor,
            emulator.display_lists,
            emulator.rdp_lists,
            emulator.interpreted_tasks,
            emulator.unknown_tasks,
            has_picture,
            STEPS * FRAMESKIP / max(cpu_seconds(emulator.pid) - start_s, 0.01),
            digest.hexdigest(),
        )


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used: fields 14 and 15 of /proc/PID/stat, see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(path: Path) -> tuple[str, ...]:
    """Return the ROM's row of the table."""
    name = ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            rom = n64gym.open_rom(path)
            name = rom.name
            first, video = run(rom, None), None
            if first.display_lists:
                told.clear()
                first, video = run(rom, GPU), GPU
            second = run(rom, video)
        except (n64gym.RomError, n64gym.EmulatorError) as error:
            return cells(path.name, name, "", "", "", "", "", "", "", str(error))
    remarks = dict.fromkeys(plain(str(one.message)) for one in told)
    draws = [f"{kind} lists" for kind in ("display", "RDP") if getattr(first, f"{kind.lower()}_lists")]
    if first.has_picture and not first.display_lists:
        draws = ["CPU", *draws]
    return cells(
        path.name,
        name,
        first.processor,
        ", ".join(draws) or "nobody",
        f"{first.interpreted} run, {first.unknown} not" if first.interpreted or first.unknown else "known ones",
        f"{first.display_lists} display, {first.rdp_lists} RDP",
        "yes" if first.has_picture else "black",
        f"{float(f'{first.vis_per_second:.1g}'):.0f}",
        "yes" if first.digest == second.digest else "NO",
        "; ".join(remarks),
    )


def plain(warning: str) -> str:
    """Return a warning without the colours and the word that Gymnasium adds."""
    return re.sub(r"\x1b\[\d+m|WARN: ", "", warning)


def cells(*texts: str) -> tuple[str, ...]:
    """Return texts that cannot break the table or the terminal: names are a stranger's."""
    return tuple("".join(c if c.isprintable() and c != "|" else "?" for c in text)[:400] for text in texts)


def roms(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, and in its folders, that are named like ROMs."""
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS and path.is_file())


def main() -> None:
    """Print the table. Exit with code 2 if there is no ROM."""
    parser = argparse.ArgumentParser(prog="make roms DIR=", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the ROMs are")
    folder = parser.parse_args().folder
    found = list(roms(folder))
    if not found:
        sys.exit(f"no ROMs found in {folder}: expected a folder with files named {', '.join(ENDINGS)}")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for path in found:
        print(f"| {' | '.join(row(path))} |", flush=True)


if __name__ == "__main__":
    main()
