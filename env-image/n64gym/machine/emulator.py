"""One Nintendo 64: a mupen64plus in a process of its own, stepped by vertical interrupts (VIs) through shared memory.

with Emulator("game.z64") as n64:
    n64.step(vis=4, buttons=A_BUTTON)
    picture = n64.frame()  # uint8 [height, width, 3]
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from n64gym.machine import shared
from n64gym.machine.rom import DATA, Rom, open_rom
from n64gym.machine.state import State

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
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.timeout = timeout
        self._format = observation
        self._movie = movie
        self._closed = True
        try:
            self._start(video, controllers, force_video=False)
            self._wait(START_S, silent_after=SILENT_CPU_S)
        except SilentEmulator:
            warnings.warn(
                f"{self.rom.path.name} has not switched its video on: done for it, and it runs slowly", stacklevel=2
            )
            self._start(video, controllers, force_video=True)
            self._wait(START_S)

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
            self._folder = tempfile.TemporaryDirectory(prefix="n64gym-")
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
            self.play(self._movie)
        self._log = os.fdopen(os.memfd_create("n64gym-log"), "rb")
        request = {
            "rom": str(self.rom.path),
            "fd": self._memory.fd,
            "folder": self._folder.name,
            "video_plugin": str(DATA / "lockstep-video.so"),
            "input_plugin": str(DATA / "lockstep-input.so"),
            "real_plugin": str(PLUGINS / f"mupen64plus-video-{video}.so") if video else None,
            "rsp_plugin": str(PLUGINS / "mupen64plus-rsp-hle.so"),
            "screen": (480, 640),
            "force_video": force_video,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("host.py")), json.dumps(request)],
            pass_fds=[self._memory.fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the parent: it ends the emulator when it is done
        )
        self._closed = False

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._process.pid

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
        """Begin a step; `step_wait` must follow before anything else."""
        self._control.vis = vis
        self._control.buttons = buttons
        self._send(shared.STEP)

    def step_wait(self) -> None:
        """Wait for the end of the step that `step_async` began."""
        self._wait(self.timeout + SLOWEST_VI_S * self._control.vis)

    def frame(self) -> NDArray[np.uint8]:
        """The picture being shown, uint8 RGB [height, width, 3] at the game's own resolution; no time passes."""
        self._call(shared.PICTURE)
        height, width = self._control.picture_height, self._control.picture_width
        return self._memory.array(shared.PICTURE_OFFSET, (height, width, 3)).copy()

    def play(self, samples: NDArray[np.uint32]) -> None:
        """Answer the next controller reads with `samples` [N] instead of the steps' buttons, one each, to their end.

        Raises ValueError if there are more than shared.SAMPLES.
        """
        if len(samples) > shared.SAMPLES:
            raise ValueError(f"the movie has {len(samples)} samples; expected at most {shared.SAMPLES}")
        self._memory.array(shared.MOVIE_OFFSET, (len(samples),), "<u4")[:] = samples
        self._control.movie_position = 0
        self._control.movie_length = len(samples)

    def samples(self) -> NDArray[np.uint32]:
        """Every word that the game has read from controller 1 since power-on, [controller_reads], a copy.

        Raises ValueError after more than shared.SAMPLES.
        """
        return self._history(self.controller_reads).copy()

    def save_state(self) -> State:
        """The machine as it is now, to come back to; one VI passes, with nothing held."""
        state = State()
        self._control.buttons = 0
        self._control.path = state.path.encode()
        self._call(shared.SAVE)
        if self._control.state_failed:
            self._fail("a savestate cannot be taken")
        try:
            state.await_written(self.timeout)
        except TimeoutError as error:
            self._fail(str(error))
        state.vi_count = self._control.state_vi_count
        state.samples = self._history(self._control.state_controller_reads).copy()
        return state

    def load_state(self, state: State) -> None:
        """Go back to `state`, and on to the first VI after it, with nothing held; a movie being played ends."""
        self._control.buttons = 0
        self._control.movie_position = self._control.movie_length = 0
        self._control.state_vi_count = state.vi_count
        self._control.state_controller_reads = len(state.samples)
        self._control.path = state.path.encode()
        self._call(shared.LOAD)
        if self._control.state_failed:
            self._fail("the savestate cannot be loaded: it is damaged or another ROM's")
        # Only now: until the state was loaded, the abandoned run went on and may have written down one more read.
        self._history(len(state.samples))[:] = state.samples

    def close(self) -> None:
        """End the emulator process; may be called more than once."""
        if self._closed:
            return
        self._control.command = shared.STOP
        self._memory.post_go()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it is killed then
            self._process.wait(STOP_S)
        self._destroy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self._destroy()

    def _history(self, reads: int) -> NDArray[np.uint32]:
        if reads > shared.SAMPLES:
            raise ValueError(f"the game has read the controller {reads} times; only {shared.SAMPLES} are remembered")
        return self._memory.array(shared.HISTORY_OFFSET, (reads,), "<u4")

    def _call(self, command: int) -> None:
        self._send(command)
        self._wait(self.timeout)

    def _send(self, command: int) -> None:
        if self._closed:
            raise EmulatorError("the emulator is closed")
        self._control.command = command
        self._memory.post_go()

    def _wait(self, timeout: float, silent_after: float = math.inf) -> None:
        """Wait until the emulator has stopped at a VI again; kill it and raise EmulatorError if it does not.

        SilentEmulator if it has worked for `silent_after` seconds of processor time, which a loaded machine does not
        stretch, without a first VI.
        """
        end = time.monotonic() + timeout
        while not self._memory.wait_done(DEATH_CHECK_S):
            if self._process.poll() is not None:
                self._fail(f"the emulator has died (exit code {self._process.returncode})")
            if silent_after < math.inf and cpu_seconds(self._process.pid) >= silent_after:
                self._fail("the ROM has not switched its video on", SilentEmulator)
            if time.monotonic() >= end:
                self._fail(f"the emulator has not answered for {timeout:.0f} s")

    def _fail(self, what: str, error: type[EmulatorError] = EmulatorError) -> NoReturn:
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip()[-1000:]
        self._destroy()
        raise error(f"{self.rom.path.name}: {what}" + (f": {last}" if last else ""))

    def _destroy(self) -> None:
        self._closed = True
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._memory.close()
        self._log.close()
        self._folder.cleanup()


class SilentEmulator(EmulatorError):
    """The ROM runs, but has not switched the video interface on, so no VI has come yet."""


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used: fields 14 and 15 of /proc/PID/stat, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
