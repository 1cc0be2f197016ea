"""A world with a clock of its own, in which processes take turns: one thread at a time, in an order by seed."""

import heapq
import random
import threading
from collections.abc import Callable


class CrashError(BaseException):
    """The process that runs this is killed here; no handler of ordinary errors may stop it."""


class World:
    """Events in the order of their time, and the tasks that they wake.

    Attributes:
        now: seconds; also what the processes' monotonic clocks show.
        random: everything that happens by chance is drawn from it.
        history: what happened, for people.
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
        """Let everything happen that happens before a time; raise what went wrong in a task."""
        while self._events and self._events[0][0] <= until:
            when, _, event = heapq.heappop(self._events)
            self.now = max(self.now, when)
            event()
            if self.failure is not None:
                raise self.failure
        self.now = max(self.now, until)

    def fail(self, error: BaseException) -> None:
        """End the history here, whoever might catch the error on its way."""
        self.failure = self.failure or error
        raise error

    def wait(self, seconds: float) -> None:
        """Let the task that calls this wait, at most so long."""
        assert self.running is not None
        self.running.wait(seconds)

    def chance(self, probability: float) -> bool:
        return probability > 0.0 and self.random.random() < probability


class Task:
    """A process of the world: a thread that runs only while the world waits for it."""

    def __init__(self, world: World, name: str, body: Callable[[], None]) -> None:
        self._world = world
        self.name = name
        self._body = body
        self._go, self._back = threading.Lock(), threading.Lock()  # to be released by the other side, in turns
        self._go.acquire()
        self._back.acquire()
        self._token = 0  # of the newest wait
        self.killed = self.ended = False
        self.paused_until = 0.0
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        world.after(0.0, self._resume)

    def wait(self, seconds: float) -> None:
        """Called by the task itself: let others run until it is woken, or so long."""
        if self.killed:
            raise CrashError
        token = self._token
        self._world.after(seconds, lambda: self._wake(token))
        self._back.release()
        self._go.acquire()
        if self.killed:
            raise CrashError

    def notify(self) -> None:
        """Wake it, if it waits."""
        token = self._token
        self._world.after(0.0, lambda: self._wake(token))

    def pause(self, seconds: float) -> None:
        """Stop it as SIGSTOP does."""
        self.paused_until = self._world.now + seconds

    def kill(self) -> None:
        """End it as SIGKILL does."""
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
    """What a process is asked to stop with; to wait for it passes the turn on."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self._world.wait(timeout or 0.0)
        return self.is_set()
