"""One Nintendo 64: a mupen64plus in a process of its own, stepped by vertical interrupts (VIs) through shared memory.

with Emulator("game.z64") as n64:
    n64.step(vis=4, buttons=A_BUTTON)
    picture = n64.frame()  # uint8 [height, width, 3]
"""

from __future__ import annotations

import math
import sysconfig
import time
import warnings
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from n64gym.machine import shared
from n64gym.machine.process import EmulatorProcess
from n64gym.machine.rom import DATA, Rom, open_rom
from n64gym.machine.state import State
from n64gym.machine.workspace import Workspace

# where Debian keeps mupen64plus' own plugins: /usr/lib/x86_64-linux-gnu/mupen64plus, or another architecture's
PLUGINS = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "mupen64plus")
DEATH_CHECK_S = 0.05  # how soon the death of the emulator process is noticed
SLOWEST_VI_S = 0.1  # a VI may take this long on a loaded machine before a long step counts as hung
SILENT_CPU_S = 2.0  # of the emulator's own time: a ROM without video by then is started again with video forced on
START_S = 30.0  # a start takes a quarter of a second; one of many on a loaded machine takes several
STOP_S = 2.0  # a clean stop takes a few milliseconds


class EmulatorError(RuntimeError):
    """The emulator could not be started, has died, or does not answer; it is dead now."""


class ObservationFormat(NamedTuple):
    """What the emulator process makes of the picture at the end of each step."""

    height: int
    width: int
    channels: int  # 1 = luma, 3 = RGB
    crop: tuple[int, int, int, int] | None = None
    """Of which part: (top, left, height, width) in the pixels of `Emulator.frame`; height or width 0 = to the edge.

    What lies outside of the picture is cut off."""


class Emulator:
    """A running game, stopped between two steps.

    rom: a file in any of the three byte orders, or one that was opened. video: None for ROMs that draw into RDRAM with
    the CPU, else the name of a real video plugin ("glide64mk2", "rice"), which draws on $DISPLAY or else on an Xvfb of
    its own. observation: made after each step, see `observation`. controllers: how many are plugged in; only the first
    is ever touched. movie: what `play` takes, from the very first controller read on. timeout: seconds within which a
    short step must be done.
    Raises RomError or EmulatorError.

    It remembers every controller word that the game has read since power-on (`samples`): fed to another emulator, they
    give the same run, to the bit. Loading a state puts that memory back, too.

    A signal handler may raise in any of its methods. The next one first finishes what was cut off. A forked copy of the
    program can close it, which leaves the emulator running for the parent, and can do nothing else with it.
    """

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        video: str | None = None,
        observation: ObservationFormat | None = None,
        controllers: int = 1,
        movie: NDArray[np.uint32] | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._process: EmulatorProcess | None = None  # first, for __del__
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.timeout = timeout
        self._format = observation
        self._movie = movie
        self._state: State | None = None  # the one that is being saved or loaded
        self._at: State | None = None  # the one that the machine is in: no time has passed since it was saved or loaded
        try:
            try:
                self._start(video, controllers, force_video=False)
                self._wait(START_S, silent_after=SILENT_CPU_S)
            except SilentEmulator:
                warnings.warn(
                    f"{self.rom.path.name} has not switched its video on: done for it, and it runs slowly", stacklevel=2
                )
                self._start(video, controllers, force_video=True)
                self._wait(START_S)
            self._finish()
        except BaseException:
            self._destroy()
            raise

        self.rdram: NDArray[np.uint32] = self._memory.array(
            self._control.rdram_offset, (shared.RDRAM_BYTES // 4,), "<u4"
        )
        """RDRAM as words in the host's byte order, [2097152]; live, and writable."""
        self.observation: NDArray[np.uint8] | None = None
        """uint8 [height, width] or [height, width, 3]; a live view, overwritten by the next step."""
        if observation:
            shape: tuple[int, ...] = (observation.height, observation.width)
            shape += (3,) if observation.channels == 3 else ()
            self.observation = self._memory.array(shared.OBSERVATION_OFFSET, shape)

    def _start(self, video: str | None, controllers: int, *, force_video: bool) -> None:
        try:
            workspace = Workspace()
        except OSError as error:
            raise EmulatorError(
                f"{self.rom.path.name}: no folder can be made for its emulator: {error}: "
                "make room there, or set TMPDIR to a folder that has some"
            ) from None
        self._memory = shared.SharedMemory()
        self._control = self._memory.control
        self._control.present = (1 << controllers) - 1
        if self._format:
            self._control.observation_height, self._control.observation_width, channels, crop = self._format
            self._control.observation_format = channels
            self._control.observation_crop[:] = crop or (0, 0, 0, 0)
        if self._movie is not None:
            self._play(self._movie)
        request = {
            "rom": str(self.rom.path),
            "fd": self._memory.fd,
            "video_plugin": str(DATA / "lockstep-video.so"),
            "input_plugin": str(DATA / "lockstep-input.so"),
            "real_plugin": str(PLUGINS / f"mupen64plus-video-{video}.so") if video else None,
            "rsp_plugin": str(PLUGINS / "mupen64plus-rsp-hle.so"),
            "screen": (480, 640),
            "force_video": force_video,
        }
        self._busy = True  # a request has been sent, or is about to be, and its answer has not been waited for
        self._memory.send(shared.START)
        self._process = process = EmulatorProcess(workspace, request, self._memory.fd)
        self.pid = process.pid
        """The emulator's process id; it may have ended."""

    @property
    def is_ours(self) -> bool:
        """Whether it was started by this very process, rather than by one of which this is a fork."""
        return self._process is None or self._process.is_ours

    @property
    def vi_count(self) -> int:
        """VIs since power-on; after `load_state`, since the power-on of the run that the state is of."""
        return self._control.vi_count

    @property
    def controller_reads(self) -> int:
        """How often the game has read controller 1 (joybus command 0x01); counts as `vi_count` does."""
        return self._control.controller_reads

    @property
    def movie_position(self) -> int:
        """How many of the words given to `play` the game has read."""
        return self._control.movie_position

    @property
    def display_lists(self) -> int:
        """Display lists that the ROM gave to the GPU since this emulator was started; mostly one a picture."""
        return self._control.display_lists

    @property
    def drawn_lists(self) -> int:
        """Those of them that were drawn: none without `video`, else only what is on the screen when a step ends."""
        return self._control.drawn_lists

    def step(self, vis: int = 1, buttons: int = 0) -> None:
        """Run exactly `vis` VIs with controller 1 held at `buttons` (a mupen64plus BUTTONS word)."""
        self.step_async(vis, buttons)
        self.step_wait()

    def step_async(self, vis: int = 1, buttons: int = 0) -> None:
        """Begin a step; `step_wait` waits for its end, as every other method does that needs it."""
        self._prepare()
        self._at = None
        self._control.vis = vis
        self._control.buttons = buttons
        self._memory.send(shared.STEP)

    def step_wait(self) -> None:
        """Wait for the end of the step that `step_async` began."""
        if self._busy:
            self._wait(self.timeout + SLOWEST_VI_S * self._control.vis)
            self._finish()

    def frame(self) -> NDArray[np.uint8]:
        """The picture being shown, uint8 RGB [height, width, 3] at the game's own resolution; no time passes."""
        self._prepare()
        self._call(shared.PICTURE)
        height, width = self._control.picture_height, self._control.picture_width
        return self._memory.array(shared.PICTURE_OFFSET, (height, width, 3)).copy()

    def play(self, samples: NDArray[np.uint32]) -> None:
        """Answer the next controller reads with `samples` [N] instead of the steps' buttons, one each, to their end.

        Raises ValueError if there are more than shared.SAMPLES.
        """
        self._prepare()
        self._play(samples)
        self._busy = False

    def samples(self) -> NDArray[np.uint32]:
        """Every word that the game has read from controller 1 since power-on, [controller_reads], a copy.

        Raises ValueError after more than shared.SAMPLES.
        """
        return self._history(self.controller_reads).copy()

    def save_state(self) -> State:
        """The machine as it is now, to come back to. No time passes: what follows is as if nothing had been saved.

        If none has passed since the last savestate was taken or loaded, it is that one. In the midst of what the core
        cannot save, time passes until it can: a few microseconds of the game's time, with nothing held.
        """
        if self._at is not None:
            return self._at
        self._prepare()
        self._state = state = State()
        self._control.buttons = 0
        self._control.path = state.path.encode()
        self._call(shared.SAVE)
        return state

    def load_state(self, state: State) -> None:
        """Go back to the moment of `state`; a movie being played ends."""
        self._prepare()
        self._at = None
        self._state = state
        self._control.buttons = 0
        self._control.movie_position = self._control.movie_length = 0
        self._control.state_vi_count = state.vi_count
        self._control.state_controller_reads = len(state.samples)
        self._control.path = state.path.encode()
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

    def _play(self, samples: NDArray[np.uint32]) -> None:
        if len(samples) > shared.SAMPLES:
            raise ValueError(f"the movie has {len(samples)} samples; expected at most {shared.SAMPLES}")
        self._memory.array(shared.MOVIE_OFFSET, (len(samples),), "<u4")[:] = samples
        self._control.movie_position = 0
        self._control.movie_length = len(samples)

    def _history(self, reads: int) -> NDArray[np.uint32]:
        if reads > shared.SAMPLES:
            raise ValueError(f"the game has read the controller {reads} times; only {shared.SAMPLES} are remembered")
        return self._memory.array(shared.HISTORY_OFFSET, (reads,), "<u4")

    # The conversation: _prepare, fill in the request, send it, _wait, _finish.

    def _running(self) -> EmulatorProcess:
        process = self._process
        if process is None:
            raise EmulatorError("the emulator is closed")
        if not process.is_ours:
            raise EmulatorError(
                f"the emulator belongs to process {process.owner}, of which this one is a fork: start another in here"
            )
        return process

    def _prepare(self) -> None:
        """See to it that the emulator stands still: an interrupt may have cut the last request off at any moment."""
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

    def _wait(self, timeout: float, silent_after: float = math.inf) -> None:
        """Wait until the emulator has stopped again; kill it and raise EmulatorError if it does not.

        SilentEmulator if it has worked for `silent_after` seconds of processor time, which a loaded machine does not
        stretch, without a first VI.
        """
        process, end = self._running(), time.monotonic() + timeout
        while not self._memory.wait(DEATH_CHECK_S):
            if process.exit_code is not None:
                self._fail(f"the emulator has died (exit code {process.exit_code})")
            if silent_after < math.inf and process.cpu_seconds() >= silent_after:
                self._fail("the ROM has not switched its video on", SilentEmulator)
            if time.monotonic() >= end:
                self._fail(f"the emulator has not answered for {timeout:.0f} s")

    def _finish(self) -> None:
        """The emulator has answered: do what remains to be done for a savestate."""
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
            self._at = state
        elif state is not None and self._control.command == shared.LOAD:
            if self._control.state_failed:
                self._fail("the savestate cannot be loaded: it is damaged or another ROM's")
            # Until the state was loaded, the abandoned run went on and may have written down one more read.
            self._history(len(state.samples))[:] = state.samples
            self._at = state
        self._state = None
        self._busy = False

    def _fail(self, what: str, error: type[EmulatorError] = EmulatorError) -> NoReturn:
        last = self._process.last_words() if self._process else ""
        self._destroy()
        raise error(f"{self.rom.path.name}: {what}" + (f": {last}" if last else ""))

    def _destroy(self) -> None:
        """Let go of everything; the emulator's own process is killed if it still runs."""
        if self._process is not None:
            self._process.end()
            self._process = None
            self._memory.close()


class SilentEmulator(EmulatorError):
    """The ROM runs, but has not switched the video interface on, so no VI has come yet."""
