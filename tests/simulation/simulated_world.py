"""A simulated world with its own clock. Its processes are threads; one runs at a time, in an order set by the seed."""

import heapq
import random
import threading
from collections.abc import Callable


class CrashError(BaseException):
    """Kills the simulated process. It is a BaseException, so that `except Exception` does not catch it."""


class World:
    """Runs events in the order of their time. Events wake tasks.

    Attributes:
        now: the simulated time in seconds.
        random: the only source of randomness.
        history: readable lines about what happened.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.history: list[str] = []
        self.running: Task | None = None
        self.failure: BaseException | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def note(self, text: str) -> None:
        self.history.append(f"{self.now:8.3f} {text}")

    def at(self, when: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self.at(self.now + seconds, event)

    def run(self, until: float) -> None:
        """Run all events up to a time; raise the error of a failed task."""
        while self._events and self._events[0][0] <= until:
            when, _, event = heapq.heappop(self._events)
            self.now = max(self.now, when)
            event()
            if self.failure is not None:
                raise self.failure
        self.now = max(self.now, until)

    def fail(self, error: BaseException) -> None:
        """Raise an error that ends the history, even if the calling task catches it."""
        self.failure = self.failure or error
        raise error

    def wait(self, seconds: float) -> None:
        """Let the calling task wait until it is woken, for at most `seconds`."""
        assert self.running is not None
        self.running.wait(seconds)

    def chance(self, probability: float) -> bool:
        return probability > 0.0 and self.random.random() < probability


class Task:
    """A simulated process: a thread that runs only while the world waits for it."""

    def __init__(self, world: World, name: str, body: Callable[[], None]) -> None:
        self._world = world
        self.name = name
        self._body = body
        self._go, self._back = threading.Lock(), threading.Lock()  # each side waits for one and releases the other
        self._go.acquire()
        self._back.acquire()
        self._token = 0  # number of the newest wait
        self.killed = self.ended = False
        self.paused_until = 0.0
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        world.after(0.0, self._resume)

    def wait(self, seconds: float) -> None:
        """Let others run until this task is woken, for at most `seconds`. Only the task itself may call this."""
        if self.killed:
            raise CrashError
        token = self._token
        self._world.after(seconds, lambda: self._wake(token))
        self._back.release()
        self._go.acquire()
        if self.killed:
            raise CrashError

    def notify(self) -> None:
        """Wake the task if it waits."""
        token = self._token
        self._world.after(0.0, lambda: self._wake(token))

    def pause(self, seconds: float) -> None:
        """Pause the task as SIGSTOP pauses a process."""
        self.paused_until = self._world.now + seconds

    def kill(self) -> None:
        """End the task as SIGKILL ends a process."""
        if not self.ended and not self.killed:
            self.killed = True
            self._resume()

    def _wake(self, token: int) -> None:
        if token != self._token or self.ended:
            return
        if self._world.now < self.paused_until:
            self._world.at(self.paused_until, lambda: self._wake(token))
        else:
            self._resume()

    def _resume(self) -> None:
        if self.ended:
            return
        self._token += 1
        before, self._world.running = self._world.running, self
        self._go.release()
        self._back.acquire()
        self._world.running = before

    def _main(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self._body()
        except CrashError:
            pass
        except BaseException as error:
            self._world.failure = self._world.failure or error
        self.ended = True
        self._back.release()


class Stop(threading.Event):
    """An event that asks a process to stop. Waiting for it lets other tasks run."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._world.wait(timeout or 0.0)
        return self.is_set()
