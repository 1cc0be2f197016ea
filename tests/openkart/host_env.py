"""n64gym/OpenKart-v0 on the game compiled for the host: the same observations, rewards and ends, five times faster.

It is not for users. It makes studies of learning with many seeds and workers affordable
(tests/bench/bench_stability.py). tests/openkart/test_host_env.py compares it with the emulator step by step. Only time
trials are the same: before a grand prix the N64 spends a few VIs on painting karts, and the host does not imitate that.
"""

from __future__ import annotations

import _ctypes
import ctypes
import functools
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart import OpenKartEnv
from n64gym.games.openkart_telemetry import COURSE_WORD, DRAW_FROM, TELEMETRY_WORD
from n64gym.machine.emulator import ObservationFormat
from n64gym.machine.rom import Rom
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.starts import Start

HERE = Path(__file__).parent
ENV_IMAGE = HERE.parents[1] / "env-image"
LOCKSTEP = ENV_IMAGE / "lockstep"
ENV_ID = "HostOpenKart-v0"
TELEMETRY_WORDS = COURSE_WORD - TELEMETRY_WORD  # without the course's words, which follow
PT_LOAD, PT_GNU_RELRO, PF_W = 1, 0x6474E552, 2  # ELF constants


class Libraries(NamedTuple):
    """The compiled files, built once a process."""

    folder: tempfile.TemporaryDirectory  # deleted with this object
    game: Path
    observe: ctypes.CDLL


@functools.cache
def libraries() -> Libraries:
    """Build the game and the code that computes observations."""
    subprocess.run(["make", "-s", "-C", ENV_IMAGE / "openkart", "host"], check=True, timeout=120)
    folder = tempfile.TemporaryDirectory(prefix="host-kart-")
    built = Path(folder.name) / "libobserve.so"
    sources = [HERE / "host_observe.c", LOCKSTEP / "observe.c", LOCKSTEP / "picture.c"]
    command = ["gcc", "-std=gnu11", "-O3", "-fPIC", "-shared", f"-I{LOCKSTEP}", "-o", built, *sources]
    subprocess.run(command, check=True, timeout=120)
    return Libraries(folder, ENV_IMAGE / "openkart" / "build" / "libopenkart-host.so", ctypes.CDLL(str(built)))


class HostState(NamedTuple):
    """A saved state. Only the game that it was taken from can load it."""

    vi_count: int
    memory: bytes


class HostEmulator:
    """The part of n64gym's Emulator that OpenKartEnv uses, with the game in this process instead of on an N64."""

    is_ours = True  # a fork has its own copy of the game, so its use is allowed

    def __init__(self, rom: Rom, observation: ObservationFormat) -> None:
        self.rom = rom
        folder, game, observe = libraries()
        # A file is loaded once per process, and the game's state is in static variables. So each game has its own file.
        with tempfile.NamedTemporaryFile(dir=folder.name, suffix=".so") as own:
            shutil.copyfile(game, own.name)
            self._game: ctypes.CDLL | None = ctypes.CDLL(own.name)
            self._variables = variables(Path(own.name))
        self._game.ok_telemetry.restype = ctypes.POINTER(ctypes.c_uint32 * TELEMETRY_WORDS)
        self._game.ok_frame.restype = ctypes.c_void_p
        self._step = self._game.ok_step
        self._frame = self._game.ok_frame
        self._observe = observe.host_observe
        self._format = observation
        shape = (observation.height, observation.width) + ((3,) if observation.channels == 3 else ())
        self.observation = np.zeros(shape, np.uint8)
        self._out = self.observation.ctypes.data_as(ctypes.c_void_p)
        self.rdram: NDArray[np.uint32] = np.zeros(RDRAM_BYTES // 4, np.uint32)  # only the telemetry block is filled
        self._block = self.rdram[TELEMETRY_WORD : TELEMETRY_WORD + TELEMETRY_WORDS]
        self._words = np.frombuffer(self._game.ok_telemetry().contents, np.uint32)
        self._game.ok_start()
        self.vi_count = self.controller_reads = self.display_lists = self.rdp_lists = 0
        self.unknown_tasks = self.interpreted_tasks = 0
        # On the N64, the game takes its first step while it computes its tables. The host takes the same extra step
        # here, so that both draw pictures, one every second VI, in the same VIs of a race.
        self.step()

    def step(self, vis: int = 1, buttons: int = 0) -> None:
        """Run exactly `vis` VIs with the controller held at `buttons`."""
        self._words[DRAW_FROM] = self._block[DRAW_FROM]
        for _ in range(vis):
            self._step(buttons)
        self._block[:] = self._words
        self.vi_count += vis
        self.controller_reads += vis
        observation = self._format
        self._observe(
            ctypes.c_void_p(self._frame()), self._out, observation.height, observation.width, observation.channels
        )

    def step_async(self, vis: int = 1, buttons: int = 0) -> None:
        """Run the whole step; step_wait has nothing left to do."""
        self.step(vis, buttons)

    def step_wait(self) -> None:
        """Return at once."""

    def save_state(self) -> HostState:
        """Return the game's current state."""
        return HostState(self.vi_count, ctypes.string_at(*self._variables))

    def load_state(self, state: HostState) -> None:
        """Go back to `state`."""
        ctypes.memmove(self._variables[0], state.memory, len(state.memory))
        self._block[:] = self._words
        self.vi_count = state.vi_count

    def close(self) -> None:
        """Unload the game. It must not be stepped afterwards."""
        if self._game is not None:
            self._words = self._words.copy()
            _ctypes.dlclose(self._game._handle)
            self._game = None


def variables(library: Path) -> tuple[int, int]:
    """Return address and size of a loaded library's variables: its writable segment without the read-only part (RELRO).

    System V ABI, chapter 5: a program header has 56 bytes: type, flags, offset, vaddr, paddr, filesz, memsz, align.
    """
    image = library.read_bytes()
    at, size, count = *struct.unpack_from("<Q", image, 32), *struct.unpack_from("<HH", image, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", image, at + k * size) for k in range(count)]
    ((first, length),) = [(h[3], h[6]) for h in headers if h[0] == PT_LOAD and h[1] & PF_W]
    relocated = sum(h[6] for h in headers if h[0] == PT_GNU_RELRO)  # whole pages at the segment's beginning
    maps = Path("/proc/self/maps").read_text().splitlines()
    base = next(int(line.split("-")[0], 16) for line in maps if line.endswith(str(library)))
    return base + first + relocated, length - relocated


class OwnStarts:
    """The newest start states of one environment. n64gym's Starts has one cache for a whole process instead."""

    MOST = 60  # of 1.5 MB each; generated courses have thousands

    def __init__(self) -> None:
        self._states: dict[str, HostState] = {}

    def find(self, what: dict[str, Any]) -> Start | None:
        """Return the start described by `what`, or None."""
        state = self._states.get(str(what["setup"]))
        return Start(state, "") if state else None  # type: ignore[arg-type]

    def keep(self, what: dict[str, Any], state: HostState) -> Start:
        """Store `state` as the start described by `what`, instead of the oldest one if there are many."""
        if len(self._states) == self.MOST:
            del self._states[next(iter(self._states))]
        self._states[str(what["setup"])] = state
        return Start(state, "")  # type: ignore[arg-type]

    def forget(self, what: dict[str, Any]) -> None:
        """Delete the start described by `what`."""
        self._states.pop(str(what["setup"]), None)


class HostOpenKartEnv(OpenKartEnv):
    """OpenKartEnv, with the same arguments, on the game in this process."""

    def _start_emulator(self) -> Any:
        self._starts = OwnStarts()  # type: ignore[assignment]
        return HostEmulator(self.rom, self.observations.format)  # type: ignore[arg-type]


gymnasium.register(ENV_ID, entry_point=HostOpenKartEnv)
