"""The viewer process: Xvfb, a window with the newest frame, x11vnc (`python -m worker.viewer FD HOST PORT`)."""

import os
import select
import signal
import sys
import threading
import time

from agent.processes import pin_threads, stop_on_signals

pin_threads()  # before pygame reads the environment

import pygame  # noqa: E402
from pyvirtualdisplay.display import Display as VirtualDisplay  # noqa: E402

from worker.display import INTERVAL_S, Frame  # noqa: E402
from worker.x11vnc import X11vnc  # noqa: E402

SCREEN = (640, 480)  # pixels, width and height; the N64's own shape
START_S = 15  # for Xvfb to be ready
TEND_S = 0.5  # between two looks at x11vnc

# How picture and screen fit is decided here alone: as large as possible, in shape, centred.


def placed(width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a picture on the screen."""
    scale = min(SCREEN[0] / width, SCREEN[1] / height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    return (SCREEN[0] - wide) // 2, (SCREEN[1] - high) // 2, wide, high


def view(frame: Frame, stop: threading.Event, tend: X11vnc) -> None:
    """Show frames until told to stop or the worker is gone."""
    pygame.display.init()
    window = pygame.display.set_mode(SCREEN, pygame.NOFRAME)
    pygame.display.set_caption("a3c64")
    pygame.mouse.set_visible(False)
    seen, next_tend = 0, 0.0
    while not stop.is_set():
        if select.select([sys.stdin], [], [], INTERVAL_S / 2)[0]:
            return  # end of file: the worker has ended, however it did
        pygame.event.pump()
        if (now := time.monotonic()) >= next_tend:
            next_tend = now + TEND_S
            tend.tend()
        newer = frame.read(seen)
        if newer is None:
            continue
        seen, picture = newer
        height, width = picture.shape[:2]
        left, top, wide, high = placed(width, height)
        # To the window's own format while it is small, then nearest-neighbour straight into the window.
        surface = pygame.image.frombuffer(picture.tobytes(), (width, height), "RGB").convert(window)
        pygame.transform.scale(surface, (wide, high), window.subsurface((left, top, wide, high)))
        pygame.display.flip()


def main() -> int:
    """Run until the worker ends or asks us to; return the exit code."""
    stop = stop_on_signals()
    frame, host, port = Frame(int(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    screen = VirtualDisplay(
        visible=False,
        size=SCREEN,
        color_depth=24,
        retries=3,
        manage_global_env=False,
        extra_args=["-noreset"],
    )
    signal.alarm(START_S)  # PyVirtualDisplay would wait ten minutes; ended by the alarm, we are started again
    screen.start()
    signal.alarm(0)
    server = X11vnc(screen.new_display_var, host, port)
    try:
        os.environ.update(
            DISPLAY=screen.new_display_var,
            SDL_VIDEODRIVER="x11",
            SDL_VIDEO_WINDOW_POS="0,0",
            SDL_FRAMEBUFFER_ACCELERATION="0",  # OpenGL in software would cost four times as much
        )
        view(frame, stop, server)
    finally:
        pygame.display.quit()  # before its X server goes, or Xlib complains
        server.close()
        screen.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
