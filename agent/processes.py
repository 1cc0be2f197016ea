"""Child processes that end with their parent, and threads that stay on one core."""

import ctypes
import os
import resource
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
KEPT_BYTES = 64 << 20  # of freed memory: a dozen gradients
MMAP_BYTES = 32 << 20  # the most glibc takes
_libc = ctypes.CDLL(None, use_errno=True)

QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LP_NUM_THREADS": "1",  # llvmpipe, the software renderer of emulators that draw with OpenGL
    "TF_CPP_MIN_LOG_LEVEL": "2",  # TensorFlow's greetings say nothing to a user
    "SDL_AUDIODRIVER": "dummy",
    "SDL_VIDEODRIVER": "dummy",  # environments that draw with pygame draw into memory
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
}


def limit_threads() -> None:
    """Keep the numeric libraries to one thread each; call it before they are imported. N workers share N cores."""
    os.environ.update(QUIET)


def reuse_memory() -> None:
    """Have malloc keep what is freed for the next message, instead of fetching megabytes of fresh pages for each.

    And one heap for all threads, as one thread frees what another has received. Where there is no glibc, do nothing.
    """
    if hasattr(_libc, "mallopt"):
        for parameter, value in ((M_TRIM_THRESHOLD, KEPT_BYTES), (M_MMAP_THRESHOLD, MMAP_BYTES), (M_ARENA_MAX, 1)):
            _libc.mallopt(parameter, value)


def allow_open_files() -> None:
    """Raise this process' own limit of open files as far as it may: the usual 1024 is 500 workers with two sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin_tensorflow(deterministic: bool = False) -> None:
    """Load TensorFlow and keep it to one thread; call it before anything else imports it.

    One thread adds up in one order already; `deterministic` has TensorFlow refuse what it cannot promise to repeat.
    """
    with silence():  # it greets with four lines that no setting of its own can stop
        import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def typed_command() -> str:
    """Return the command that started this process, as a person types it, on one line."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        spec = sys.modules["__main__"].__spec__
        module = spec.name.removesuffix(".__main__") if spec else name
        words = ["a3c64"] if module == "a3c64" else ["python", "-m", module]
    else:
        words = [name]
    return " ".join(shlex.join([*words, *sys.argv[1:]]).splitlines())


@contextmanager
def silence() -> Iterator[None]:
    """Discard what native code writes to standard error; Python's exceptions are not affected."""
    with suppress(OSError):  # it cannot be written
        sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class StopEvent(threading.Event):
    """An event that a signal handler may set at any moment.

    threading.Event takes a lock to be set, and a handler that interrupts somebody who holds it, be it a wait or another
    signal's handler, would wait for it for ever. This one has a flag, and a pipe that wakes who waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False
        self._wake, self._alarm = os.pipe()
        os.set_blocking(self._alarm, False)

    def set(self) -> None:
        """Ask to stop."""
        self._stopped = True
        with suppress(BlockingIOError):  # full: it has been asked often enough
            os.write(self._alarm, b"!")

    def is_set(self) -> bool:
        """Say whether that was asked."""
        return self._stopped

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is asked, at most `timeout` seconds; say whether it was."""
        if not self._stopped:
            select.select([self._wake], [], [], timeout)
        return self._stopped


def stop_on_signals(insist: bool = False) -> StopEvent:
    """Return an event that SIGTERM and SIGINT set: the one way a process of ours is asked to stop.

    So does SIGHUP, which says that the terminal went away, unless it is ignored (nohup).

    Args:
        insist: a second signal ends the process at once. For commands with nothing to save: an environment may hang.
    """
    stop = StopEvent()

    def ask(number: int, frame: FrameType | None) -> None:
        if insist and stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        signal.signal(number, ask)
    return stop


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def start(command: Sequence[str], environment: Mapping[str, str] | None = None, **options: object) -> subprocess.Popen:
    """Start a program in a session of its own, so that Ctrl-C reaches only us and we end it in our order.

    Call it from the main thread: the kernel watches the thread that started the child.
    """
    return subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        preexec_fn=end_with_parent,
        **options,  # type: ignore[call-overload]
    )


def spawn(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, **options: object
) -> subprocess.Popen:
    """Start `python arguments...`, which imports nothing from the working folder by accident (-P)."""
    return start([sys.executable, "-P", *arguments], environment, **options)


def end(children: Sequence[subprocess.Popen], grace_s: float) -> None:
    """End children and all they have started: SIGTERM, then after the grace SIGKILL to what is left of their groups."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + grace_s
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5.0)
        sweep(child)


def sweep(child: subprocess.Popen) -> None:
    """Kill what an ended child left behind in its process group."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
