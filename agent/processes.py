"""Child processes that end with their parent, numeric libraries limited to one thread, and signals."""

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
TRIM_BYTES = 64 << 20  # freed memory that malloc keeps
MMAP_BYTES = 32 << 20  # the largest value that glibc accepts
_libc = ctypes.CDLL(None, use_errno=True)

QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LP_NUM_THREADS": "1",  # llvmpipe, the software renderer of emulators that draw with OpenGL
    "TF_CPP_MIN_LOG_LEVEL": "2",  # TensorFlow's start-up messages do not help a user
    "SDL_AUDIODRIVER": "dummy",
    "SDL_VIDEODRIVER": "dummy",  # environments that use pygame draw into memory
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
}


def limit_threads() -> None:
    """Limit the numeric libraries to one thread each, because N workers share N cores.

    Call this before they are imported.
    """
    os.environ.update(QUIET)


def reuse_memory() -> None:
    """Make malloc keep freed memory for the next message. Otherwise each message costs megabytes of new pages.

    All threads share one heap, because one thread frees what another has received. Without glibc, do nothing.
    """
    if hasattr(_libc, "mallopt"):
        for parameter, value in ((M_TRIM_THRESHOLD, TRIM_BYTES), (M_MMAP_THRESHOLD, MMAP_BYTES), (M_ARENA_MAX, 1)):
            _libc.mallopt(parameter, value)


def allow_open_files() -> None:
    """Raise this process' limit of open files to the maximum. The usual 1024 allow only 500 workers of two sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin_tensorflow(deterministic: bool = False) -> None:
    """Load TensorFlow and limit it to one thread. Call this before anything else imports it.

    One thread already adds in a fixed order. With `deterministic`, TensorFlow also refuses operations that it cannot
    repeat exactly.
    """
    with silence():  # it prints four lines that no TensorFlow setting stops
        import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def typed_command() -> str:
    """Return the command that started this process, as a user would type it, on one line."""
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
    with suppress(OSError):  # standard error cannot be written
        sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


class StopEvent(threading.Event):
    """An event that a signal handler may set at any moment.

    threading.Event.set takes a lock. A handler can interrupt code that holds this lock, such as a wait or the handler
    of another signal. It would then wait for ever. This event has a flag instead, and a pipe that ends waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False
        self._wake, self._alarm = os.pipe()
        os.set_blocking(self._alarm, False)

    def set(self) -> None:
        """Ask to stop."""
        self._stopped = True
        with suppress(BlockingIOError):  # the pipe is full, so a waiting thread wakes anyway
            os.write(self._alarm, b"!")

    def is_set(self) -> bool:
        """Return whether `set` was called."""
        return self._stopped

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `set`, at most `timeout` seconds; return whether it was called."""
        if not self._stopped:
            select.select([self._wake], [], [], timeout)
        return self._stopped


def stop_on_signals(insist: bool = False) -> StopEvent:
    """Return an event that SIGTERM and SIGINT set. This is the only way to ask one of our processes to stop.

    SIGHUP sets it too, because it means that the terminal was closed, unless SIGHUP is ignored (nohup).

    Args:
        insist: a second signal ends the process at once. For commands that save nothing: an environment may hang.
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
    """Make the kernel send SIGTERM to this process when its parent dies, also if the parent is killed."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def start(command: Sequence[str], environment: Mapping[str, str] | None = None, **options: object) -> subprocess.Popen:
    """Start a program in a new session. Ctrl-C then reaches only this process, which ends its children in order.

    setpriv makes the kernel send SIGTERM to the program when this process dies, and then executes the program under the
    same process id. Popen's preexec_fn could do that too, but it runs Python between fork and exec, where a lock that
    another thread held is never released. Call this from the main thread: the kernel ends the child when the thread
    that started it ends.
    """
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *command],
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )


def spawn(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, **options: object
) -> subprocess.Popen:
    """Start `python -P arguments...`. With -P, Python does not import modules from the working folder."""
    return start([sys.executable, "-P", *arguments], environment, **options)


def end(children: Sequence[subprocess.Popen], grace_s: float) -> None:
    """End children and all that they have started: send SIGTERM, wait `grace_s`, then send SIGKILL to their groups."""
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
    """Kill the processes that an ended child left in its process group."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
