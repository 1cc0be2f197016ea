"""The worker's side of its display: write frames for the viewer process, which shows them on its X server.

The viewer process draws (`worker/display/viewer.py`). A window, X server or VNC server that stalls or dies therefore
does not slow training. The two processes share one frame in memory. Without a viewer connected, only one frame a second
is rendered.
"""

import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gymnasium as gym
import numpy as np

from a3c64 import logs
from a3c64.envs.batch import EnvironmentBatch
from a3c64.processes import spawn
from a3c64.supervisor import Supervisor
from a3c64.vnc import password
from a3c64.worker.display.describe import Describer, Moment
from a3c64.worker.display.frame import Frame
from a3c64.worker.display.x11vnc import VncServer

log = logging.getLogger(__name__)

INTERVAL_S = 1.0 / 15.0  # between two frames while a viewer is connected: Open Kart's action rate at real-time speed
IDLE_INTERVAL_S = 1.0  # between two frames without a viewer: a new viewer's first picture is at most this old


class Display:
    """Shows a worker's first environment at most every INTERVAL_S, and supervises the viewer process.

    Args:
        environment: the one to show, made with render_mode "rgb_array".
        vnc: the address for VNC viewers, and their password.
        describe: returns the packed scene to show beside the game; None = show the game alone.
    """

    def __init__(self, environment: gym.Env, vnc: VncServer, describe: Callable[[Moment], bytes] | None = None) -> None:
        self._environment = environment
        self._describe = describe
        self._renders = True
        self._frame = Frame.create()
        self._arguments = ["-m", "a3c64.worker.display.viewer", str(self._frame.descriptor), *map(str, vnc)]
        self._arguments += logs.choices()
        self._viewer = Supervisor("the viewer", self._launch)
        self._due = self._idle_due = 0.0

    def show(self, moment: Moment) -> None:
        """Show the moment if a frame is due. If not, this only reads the clock."""
        now = time.monotonic()
        if now < (self._due if now < self._frame.watched_until else self._idle_due):
            return
        # A frame that is late after a gradient makes the next one early, so that the mean rate holds.
        self._due = max(self._due + INTERVAL_S, now + INTERVAL_S / 2)
        self._idle_due = now + IDLE_INTERVAL_S
        self._viewer.tend()
        picture, note = self._render(), self._describe(moment) if self._describe else b""
        if picture.size or note:
            self._frame.write(picture, note)

    def close(self) -> None:
        """End the viewer process and all that it started."""
        self._viewer.close(grace_s=3.0)
        if self._viewer.child is not None and self._viewer.child.stdin:
            self._viewer.child.stdin.close()

    def _render(self) -> np.ndarray:
        """Return the game's picture, uint8 [H, W, 3], empty if there is none."""
        picture: object = None
        if self._renders:
            try:
                picture = self._environment.render()
            except Exception as error:  # any error, such as missing OpenGL: training does not need pictures
                self._renders = False
                log.warning("the environment cannot be rendered, training goes on: %r", error)
        is_picture = isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] == 3
        return picture if is_picture else np.zeros((0, 0, 3), np.uint8)  # type: ignore[return-value]

    def _launch(self) -> subprocess.Popen:
        # The viewer's standard input is a pipe without data. It closes when this process ends, which ends the viewer.
        return spawn(self._arguments, stdin=subprocess.PIPE, pass_fds=[self._frame.descriptor])


@contextmanager
def show_on(
    vnc: VncServer, view: str, environments: EnvironmentBatch, title: str, worker: int
) -> Iterator[Callable[[Moment], None]]:
    """Yield a function that shows the first environment to VNC viewers. With port 0 the function does nothing.

    Args:
        vnc: where to listen, and the password; port 0 = no display.
        view: "panel", or "plain" for the game alone.
        environments: of the worker.
        title: of the panel.
        worker: index of the worker.

    Raises:
        BadInputError: the password can neither be read nor written.
    """
    if vnc.port == 0:
        yield lambda _: None
        return
    password.obtain(vnc.password_file)
    describer = Describer(environments, title, worker)
    describe = None if view == "plain" else lambda moment: describer.describe(moment).pack()
    display = Display(environments.environments[0], vnc, describe)
    try:
        yield display.show
    finally:
        display.close()
