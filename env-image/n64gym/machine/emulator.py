"""One Nintendo 64: mupen64plus in a separate process, stepped by vertical interrupts (VIs) through shared memory.

with Emulator("game.z64") as n64:
    n64.step(vis=4, buttons=A_BUTTON)
    picture = n64.frame()  # uint8 [height, width, 3]
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from n64gym.machine import boot, plugins, shared
from n64gym.machine.console import CONSOLE, Console
from n64gym.machine.controller import plugged_in
from n64gym.machine.counters import Counters
from n64gym.machine.memory import Memory
from n64gym.machine.process import EmulatorProcess
from n64gym.machine.rom import LARGEST_ROM, Rom, open_rom
from n64gym.machine.saves import from_text
from n64gym.machine.state import State
from n64gym.machine.workspace import Workspace

NATIVE_SIZE = (240, 320)  # height and width of nearly all games' pictures
DEATH_CHECK_S = 0.05  # interval of the checks for a dead emulator process
SLOWEST_VI_S = 0.1  # allowance per VI on a loaded machine; a step that exceeds it counts as hung
START_S = 120.0  # a start takes 0.25 s, but the interpreter gets several seconds of a loaded machine's processor
STOP_S = 2.0  # a clean stop takes a few milliseconds


class EmulatorError(RuntimeError):
    """The emulator did not start, has died, or does not answer. Its process has been ended."""


class ObservationFormat(NamedTuple):
    """The observation that the emulator process makes from the picture at the end of each step."""

    height: int
    width: int
    channels: int  # 1 = luma, 3 = RGB
    crop: tuple[int, int, int, int] | None = None
    """The part to observe: (top, left, height, width) in pixels of `Emulator.frame`. Height or width 0 = up to the
    edge. The part is clipped to the picture."""


class Emulator(Counters):
    """A running game, stopped between two steps.

    rom: a file in any of the three byte orders, or an opened Rom. video: None for ROMs that draw into RDRAM with the
    CPU, else the name of a real video plugin ("glide64mk2", "rice"), or "own": the user's, whose path is in
    A3C64_VIDEO_PLUGIN, and which draws lists of RDP commands into RDRAM. The plugin draws on $DISPLAY, or on a new Xvfb
    if that is not set, at video_size (height, width). observation: the format of the attribute `observation`, which
    each step updates. controllers: the number of connected controllers, or a list of their ports, 1 to 4. console: its
    clock and paks. movie: samples as for `play`, used from the first controller read on. timeout: seconds; a short step
    that takes longer counts as hung. Raises RomError, EmulatorError or ValueError.

    `samples` records every controller word that the game has read since power-on. Another emulator that plays them
    repeats the run bit for bit. Loading a state also restores this record.

    A signal handler may raise in any method. The next method call first completes the interrupted request. A forked
    copy of the program can only call `close`, which leaves the emulator running for the parent."""

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        video: str | None = None,
        video_size: tuple[int, int] = NATIVE_SIZE,
        observation: ObservationFormat | None = None,
        controllers: int | Sequence[int] = 1,
        console: Console = CONSOLE,
        movie: NDArray[np.uint32] | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._process: EmulatorProcess | None = None  # first, for __del__
        if not (1 <= video_size[0] <= shared.LARGEST[0] and 1 <= video_size[1] <= shared.LARGEST[1]):
            raise ValueError(f"video_size is {tuple(video_size)}; expected (height, width) up to {shared.LARGEST}")
        try:
            self._plugins = plugins.chosen(video, console.rsp)
        except FileNotFoundError as error:
            raise EmulatorError(str(error)) from None
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.timeout = timeout
        self.plugged_in = plugged_in(controllers)
        """Bit n: a controller is plugged into port n + 1."""
        self.console = console if self._plugins["rsp_fallback"] else console._replace(rsp="hle")
        """Its `processor` and `rsp` are the ones in use, and not "auto" where that makes a difference."""
        self._draws_rdp_lists = video == plugins.OWN
        self._format = observation
        self._movie = movie
        self._state: State | None = None  # the savestate that is being saved or loaded
        self._at: State | None = None  # equals the machine's present state; None after time has passed
        try:
            for index, way in boot.ways(self.rom.sha1, console.processor):
                self._start(video_size, way)
                try:
                    self._wait(START_S, silent_after=way.silent_cpu_s)
                except EmulatorError as error:
                    if self.rom.libdragon_boot_code:
                        raise EmulatorError(f"{self.rom.path.name}: {boot.LIBDRAGON}") from None
                    if not isinstance(error, SilentEmulator):
                        raise
                    continue
                if way.warning:
                    warnings.warn(f"{self.rom.path.name} {way.warning}", stacklevel=2)
                if console.processor == "auto":
                    boot.remember(self.rom.sha1, index)
                self.console = self.console._replace(processor=way.name)
                break
            self._finish()
        except BaseException:
            self._destroy()
            raise

        self.rdram: NDArray[np.uint32] = self._memory.array(
            self._control.rdram_offset, (shared.RDRAM_BYTES // 4,), "<u4"
        )
        """RDRAM as words in the host's byte order, [2097152]; a live, writable view."""
        self.memory = Memory(self.rdram)
        """RDRAM by the console's addresses: `memory.u8[0x80001234]`, see memory.py."""
        self.observation: NDArray[np.uint8] | None = None
        """uint8 [height, width] or [height, width, 3]; a live view, overwritten by the next step."""
        if observation:
            shape: tuple[int, ...] = (observation.height, observation.width)
            shape += (3,) if observation.channels == 3 else ()
            self.observation = self._memory.array(shared.OBSERVATION_OFFSET, shape)

    def _start(self, video_size: tuple[int, int], way: boot.Way) -> None:
        try:
            workspace = Workspace()
        except OSError as error:
            raise EmulatorError(
                f"{self.rom.path.name}: cannot create a folder for its emulator: {error}; "
                "free space there, or set TMPDIR to a folder with space"
            ) from None
        self._memory = shared.SharedMemory()
        self._control = self._memory.control
        self._pads = self._control.buttons
        self._control.present = self.plugged_in
        self._control.with_pak = self.plugged_in if self.console.controller_pak else 0
        self._control.clock = self.console.seconds
        self._control.vis_per_second = self.rom.vis_per_second
        self._saves = self._memory.array(shared.SAVES_OFFSET, (shared.SAVES_BYTES,))
        contents = np.frombuffer(from_text(self.console.saves), np.uint8)
        self._saves[: len(contents)] = contents
        self._memory.array(shared.PAKS_OFFSET, (shared.PAKS_BYTES,))[:] = contents[shared.PAKS :]
        if self._format:
            self._control.observation_height, self._control.observation_width, channels, crop = self._format
            self._control.observation_format = channels
            self._control.observation_crop[:] = crop or (0, 0, 0, 0)
        if self._movie is not None:
            self._play(self._movie)
        self._control.draws_rdp_lists = self._draws_rdp_lists
        request = {
            **self._plugins,
            "rom": str(self.rom.path),
            "largest_rom": LARGEST_ROM,
            "expansion_pak": self.console.expansion_pak,
            "fd": self._memory.fd,
            "screen": tuple(video_size),
            "cpu": way.cpu,
            "force_video": way.force_video,
        }
        self._busy = True  # a request is about to be sent, or its answer is outstanding
        self._memory.send(shared.START)
        self._process = process = EmulatorProcess(workspace, request, self._memory.fd)
        self.pid = process.pid
        """The emulator's process id; it may have ended."""

    @property
    def is_ours(self) -> bool:
        """Whether this process started the emulator; False in a fork of that process."""
        return self._process is None or self._process.is_ours

    def step(self, vis: int = 1, buttons: int = 0, *others: int) -> None:
        """Run exactly `vis` VIs with controller 1 held at `buttons` (a mupen64plus BUTTONS word).

        others: the words of controllers 2, 3 and 4, which are neutral without them. Raises ValueError if there is no
        such controller.
        """
        self.step_async(vis, buttons, *others)
        self.step_wait()

    def step_async(self, vis: int = 1, buttons: int = 0, *others: int) -> None:
        """Begin a step. `step_wait` waits for its end; so does every other method that needs it."""
        if others and self.plugged_in >> len(others) == 0:
            raise ValueError(f"words for {1 + len(others)} controllers; expected {self.plugged_in.bit_length()}")
        self._prepare()
        self._at = None
        self._control.vis = vis
        self._hold(buttons, *others)
        self._memory.send(shared.STEP)

    def step_wait(self) -> None:
        """Wait for the end of the step that `step_async` began."""
        if self._busy:
            self._wait(self.timeout + SLOWEST_VI_S * self._control.vis)
            self._finish()

    def frame(self) -> NDArray[np.uint8]:
        """Return the current picture, uint8 RGB [height, width, 3], in the game's resolution. No time passes."""
        self._prepare()
        self._call(shared.PICTURE)
        height, width = self._control.picture_height, self._control.picture_width
        return self._memory.array(shared.PICTURE_OFFSET, (height, width, 3)).copy()

    def play(self, samples: NDArray[np.uint32]) -> None:
        """Answer each of the next N controller reads with one word of `samples` [N], instead of the steps' buttons.

        With several controllers, the words are in the order of the reads.

        Raises ValueError if N > shared.SAMPLES.
        """
        self._prepare()
        self._play(samples)
        self._busy = False

    def samples(self) -> NDArray[np.uint32]:
        """Return a copy of all words that the game has read since power-on, in order, [controller_reads].

        Raises ValueError after more than shared.SAMPLES reads.
        """
        return self._history(self.controller_reads).copy()

    def save_state(self) -> State:
        """Return a savestate of this moment. No time passes, and saving does not change the run.

        If no time has passed since the last savestate was taken or loaded, returns that savestate. While the core
        cannot save, the game runs on without input until it can: a few microseconds of game time."""
        if self._at is not None:
            return self._at
        self._prepare()
        self._state = state = State()
        self._hold(0)
        self._control.path = state.path.encode()
        self._call(shared.SAVE)
        return state

    def load_state(self, state: State) -> None:
        """Return to the moment of `state`. A movie that is being played ends."""
        self._prepare()
        self._at = None
        self._state = state
        self._hold(0)
        self._control.movie_position = self._control.movie_length = 0
        self._control.state_vi_count = state.vi_count
        self._control.state_controller_reads = len(state.samples)
        self._control.state_reads[:] = state.reads
        self._control.path = state.path.encode()
        self._saves[:] = np.frombuffer(state.saves, np.uint8)
        self._call(shared.LOAD)

    def close(self) -> None:
        """End the emulator process; may be called more than once."""
        if self._process is None:
            return
        try:
            if self._process.is_ours:
                self._memory.send(shared.STOP)
                self._process.wait(STOP_S)
        finally:
            self._destroy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._destroy()

    def _hold(self, buttons: int, *others: int) -> None:
        self._pads[0] = buttons
        if self.plugged_in > 1:
            self._pads[1:] = (*others, 0, 0, 0)[: shared.CONTROLLERS - 1]

    def _play(self, samples: NDArray[np.uint32]) -> None:
        if len(samples) > shared.SAMPLES:
            raise ValueError(f"the movie has {len(samples)} samples; expected at most {shared.SAMPLES}")
        self._memory.array(shared.MOVIE_OFFSET, (len(samples),), "<u4")[:] = samples
        self._control.movie_position = 0
        self._control.movie_length = len(samples)

    def _history(self, reads: int) -> NDArray[np.uint32]:
        if reads > shared.SAMPLES:
            raise ValueError(f"the game has read the controller {reads} times; at most {shared.SAMPLES} are recorded")
        return self._memory.array(shared.HISTORY_OFFSET, (reads,), "<u4")

    # The protocol of a request: _prepare, fill in the request, send it, _wait, _finish.

    def _running(self) -> EmulatorProcess:
        process = self._process
        if process is None:
            raise EmulatorError("the emulator is closed")
        if not process.is_ours:
            raise EmulatorError(
                f"the emulator was started by process {process.owner}; a forked process must start an emulator itself"
            )
        return process

    def _prepare(self) -> None:
        """Ensure that the emulator has stopped. A Python interrupt may have cut off the last request at any point."""
        self._running()
        if self._busy:
            if self._memory.is_open:
                self._memory.send_again()
                self._wait(self.timeout + SLOWEST_VI_S * self._control.vis)
            self._memory.drain()
            self._finish()
        self._busy = True

    def _call(self, command: int) -> None:
        self._memory.send(command)
        self._wait(self.timeout)
        self._finish()

    def _wait(self, timeout: float, silent_after: float | None = None) -> None:
        """Wait until the emulator has stopped again; kill it and raise EmulatorError if it does not.

        With `silent_after`, raises SilentEmulator after so many seconds of processor time without a first VI, or if the
        emulator crashes. Processor time does not depend on the load of the machine.
        """
        process, end = self._running(), time.monotonic() + timeout
        while not self._memory.wait(DEATH_CHECK_S):
            if process.exit_code is not None:
                crashed = silent_after is not None and process.exit_code in boot.CRASHES
                kind = SilentEmulator if crashed else EmulatorError
                self._fail(f"the emulator has died (exit code {process.exit_code})", kind)
            if silent_after is not None and process.cpu_seconds() >= silent_after:
                self._fail("the ROM has not switched its video on", SilentEmulator)
            if time.monotonic() >= end:
                hint = boot.HANG if self.console.processor == "recompiler" else ""
                self._fail(f"the emulator has not answered for {timeout:.0f} s{hint}")

    def _finish(self) -> None:
        """Complete a request that the emulator has answered: savestates need more work here."""
        state = self._state
        if state is not None and self._control.command == shared.SAVE:
            if self._control.state_failed:
                self._fail("a savestate cannot be taken")
            try:
                state.await_written(self.timeout)
            except TimeoutError as error:
                self._fail(str(error))
            state.vi_count = self._control.state_vi_count
            state.samples = self._history(self._control.state_controller_reads).copy()
            state.reads = tuple(self._control.state_reads)
            state.saves = self._saves.tobytes()
            self._at = state
        elif state is not None and self._control.command == shared.LOAD:
            if self._control.state_failed:
                self._fail("the savestate cannot be loaded: it is damaged or another ROM's")
            # Before the state was loaded, the abandoned run continued and may have recorded one more read.
            self._history(len(state.samples))[:] = state.samples
            self._at = state
        self._state = None
        self._busy = False

    def _fail(self, what: str, error: type[EmulatorError] = EmulatorError) -> NoReturn:
        last = self._process.last_words() if self._process else ""
        self._destroy()
        raise error(f"{self.rom.path.name}: {what}" + (f": {last}" if last else ""))

    def _destroy(self) -> None:
        """Release everything. Kills the emulator process if it is still running."""
        if self._process is not None:
            self._process.end()
            self._process = None
            self._memory.close()


class SilentEmulator(EmulatorError):
    """The ROM has not reached its first VI, so the next way to start it is tried."""
