"""n64gym/OpenKart-v0 on the game compiled for the host: the same observations, rewards and ends at a fifth of the time.

Not for users: it exists so that studies of learning can afford many seeds and workers (tests/bench/bench_stability.py).
tests/openkart/test_host_env.py compares it with the emulator step by step. Only time trials are the same: before a
grand prix the N64 paints karts for a few VIs, which the host's clock does not know.
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
TELEMETRY_WORDS = COURSE_WORD - TELEMETRY_WORD  # the course behind them is not read here
PT_LOAD, PT_GNU_RELRO, PF_W = 1, 0x6474E552, 2  # of ELF


class Libraries(NamedTuple):
    """What the host's game needs; built once a process."""

    folder: tempfile.TemporaryDirectory  # deleted with this object
    game: Path
    observe: ctypes.CDLL


@functools.cache
def libraries() -> Libraries:
    """Build the game and the code that makes observations."""
    subprocess.run(["make", "-s", "-C", ENV_IMAGE / "openkart", "host"], check=True, timeout=120)
    folder = tempfile.TemporaryDirectory(prefix="host-kart-")
    built = Path(folder.name) / "libobserve.so"
    sources = [HERE / "host_observe.c", LOCKSTEP / "observe.c", LOCKSTEP / "picture.c"]
    command = ["gcc", "-std=gnu11", "-O3", "-fPIC", "-shared", f"-I{LOCKSTEP}", "-o", built, *sources]
    subprocess.run(command, check=True, timeout=120)
    return Libraries(folder, ENV_IMAGE / "openkart" / "build" / "libopenkart-host.so", ctypes.CDLL(str(built)))


class HostState(NamedTuple):
    """A moment of one game: only the game that it was taken from can go back to it."""

    vi_count: int
    memory: bytes


class HostEmulator:
    """What OpenKartEnv needs of n64gym's Emulator, with the game in this process instead of on an N64."""

    is_ours = True  # it is no process that a fork could share

    def __init__(self, rom: Rom, observation: ObservationFormat) -> None:
        self.rom = rom
        folder, game, observe = libraries()
        # A library is loaded once for each file, and a game keeps its state in static variables: a file for each game.
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
        self.rdram: NDArray[np.uint32] = np.zeros(RDRAM_BYTES // 4, np.uint32)  # only the telemetry block is in it
        self._block = self.rdram[TELEMETRY_WORD : TELEMETRY_WORD + TELEMETRY_WORDS]
        self._words = np.frombuffer(self._game.ok_telemetry().contents, np.uint32)
        self._game.ok_start()
        self.vi_count = self.controller_reads = self.display_lists = 0
        # The N64's game begins while its tables are made, between two looks at its telemetry; so pictures, which are
        # drawn every second VI, come at the same moments of a race.
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
        """Make the whole step: it is over before anybody can wait."""
        self.step(vis, buttons)

    def step_wait(self) -> None:
        """Return at once."""

    def save_state(self) -> HostState:
        """The game as it is now."""
        return HostState(self.vi_count, ctypes.string_at(*self._variables))

    def load_state(self, state: HostState) -> None:
        """Go back to `state`."""
        ctypes.memmove(self._variables[0], state.memory, len(state.memory))
        self._block[:] = self._words
        self.vi_count = state.vi_count

    def close(self) -> None:
        """Unload the game; it must not be stepped again."""
        if self._game is not None:
            self._words = self._words.copy()
            _ctypes.dlclose(self._game._handle)
            self._game = None


def variables(library: Path) -> tuple[int, int]:
    """Address and size of a loaded library's variables: its writable segment, without what the loader made read-only.

    System V ABI, chapter 5: program headers of 56 bytes each; type, flags, offset, vaddr, paddr, filesz, memsz, align.
    """
    image = library.read_bytes()
    at, size, count = *struct.unpack_from("<Q", image, 32), *struct.unpack_from("<HH", image, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", image, at + k * size) for k in range(count)]
    ((first, length),) = [(h[3], h[6]) for h in headers if h[0] == PT_LOAD and h[1] & PF_W]
    relocated = sum(h[6] for h in headers if h[0] == PT_GNU_RELRO)  # whole pages, at the segment's beginning
    maps = Path("/proc/self/maps").read_text().splitlines()
    base = next(int(line.split("-")[0], 16) for line in maps if line.endswith(str(library)))
    return base + first + relocated, length - relocated


class OwnStarts:
    """Start states of one environment, as n64gym's Starts keeps them for a whole process."""

    def __init__(self) -> None:
        self._states: dict[str, HostState] = {}

    def find(self, what: dict[str, Any]) -> Start | None:
        """Return the start described by `what`, if there is one."""
        state = self._states.get(str(what["setup"]))
        return Start(state, "") if state else None  # type: ignore[arg-type]

    def keep(self, what: dict[str, Any], state: HostState) -> Start:
        """Keep `state` as the one described by `what`."""
        self._states[str(what["setup"])] = state
        return Start(state, "")  # type: ignore[arg-type]

    def forget(self, what: dict[str, Any]) -> None:
        """Drop a state."""
        self._states.pop(str(what["setup"]), None)


class HostOpenKartEnv(OpenKartEnv):
    """OpenKartEnv, arguments and all, with the game in this process."""

    def _start_emulator(self) -> Any:
        self._starts = OwnStarts()  # type: ignore[assignment]
        return HostEmulator(self.rom, self.observations.format)  # type: ignore[arg-type]


gymnasium.register(ENV_ID, entry_point=HostOpenKartEnv)
