"""The roster of workers: indices, heartbeats, the state of each, and counts of those that joined and were lost."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from a3c64.addresses import Place
from a3c64.envs.episode import Episode
from a3c64.paramserver.held import Held
from a3c64.wire.messages import MAX_DOING
from a3c64.wire.report import WorkerReport

HEARTBEAT_TIMEOUT_S = 5.0  # five missed beats of one second
SILENT_S = 2.5  # two missed beats: shown in the worker's state
SUSPECT_S = 1.2  # one missed beat: its connection may be closed
IDLE_S = 15.0  # without a gradient: shown in the state; a rollout of Open Kart takes a tenth of a second
RATE_S = 10.0  # a worker's steps per second are measured over this time
MAX_RESTARTS = 1_000_000  # of emulators; a reported number is clipped to this
EPISODES = 20  # a worker's return is the mean of its newest episodes, at most this many


@dataclass
class Member:
    """A worker the server knows."""

    client: str
    name: str
    index: int
    connection: bytes  # routing id of its newest connection
    last_seen: float  # seconds on the roster's clock
    sequence: int = 0  # of its newest request
    steps: int = 0
    staleness: int = 0  # of its newest gradient
    version: int = 0  # of the weights of its newest gradient
    restarts: int = 0  # number of earlier workers with this index
    vnc: tuple[str, int] = ("", 0)  # host and port of its display; port 0 = none
    pushed: float = float("-inf")  # time of its newest gradient, or of an evaluator's newest score
    returns: deque[float] = field(default_factory=lambda: deque(maxlen=EPISODES))
    emulator_restarts: int = 0
    held: Held | None = None  # the weights that it holds, if it asks for differences
    doing: str = ""  # its activity before the first gradient, from its heartbeat; "" = not given
    _marks: deque[tuple[float, int]] = field(default_factory=deque)  # time and steps, at least a second apart

    def progress(self, now: float, steps: int, staleness: int, episodes: Sequence[Episode]) -> None:
        """Record a gradient."""
        if not self._marks:  # the time before the first gradient does not count for the rate
            self._marks.append((now, self.steps + steps))
        self.steps += steps
        self.staleness = staleness
        self.pushed = now
        self.returns.extend(episode.total_reward for episode in episodes)
        restarts = [int(min(episode.metrics.get("emulator_restarts", 0), MAX_RESTARTS)) for episode in episodes]
        self.emulator_restarts = max(self.emulator_restarts, *restarts, 0)
        if now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, self.steps))
        while self._marks[0][0] < now - RATE_S and len(self._marks) > 1:
            self._marks.popleft()

    def rate(self, now: float) -> float:
        """Return environment steps per second over the last RATE_S seconds."""
        if not self._marks or now <= self._marks[0][0]:
            return 0.0
        return (self.steps - self._marks[0][1]) / (now - self._marks[0][0])

    def state(self, now: float) -> str:
        """Return its state in a few words, such as "working"."""
        if now - self.last_seen >= SILENT_S:
            return f"no heartbeat for {now - self.last_seen:.0f} s"
        if not self._marks:
            return self.doing or "starting"
        if now - self.pushed >= IDLE_S:
            return f"no gradient for {now - self.pushed:.0f} s"
        return "working"

    def report(self, now: float) -> WorkerReport:
        """Return its report, for status and the web page."""
        return WorkerReport(
            index=self.index,
            name=self.name,
            state=self.state(now),
            steps=self.steps,
            steps_per_s=round(self.rate(now), 1),
            mean_return=sum(self.returns) / len(self.returns) if self.returns else None,
            staleness=self.staleness,
            restarts=self.restarts,
            emulator_restarts=self.emulator_restarts,
            vnc=str(Place(*self.vnc)) if self.vnc[1] else None,
            host=self.vnc[0],
        )


class Tenure(NamedTuple):
    """The newest worker with an index, and the number of workers that had the index before."""

    client: str
    restarts: int


class Roster:
    """The connected workers.

    Args:
        clock: seconds.
        reachable: returns whether a connection is open; the kernel closes those of a killed process at once.
    """

    def __init__(
        self, clock: Callable[[], float], reachable: Callable[[bytes], bool] = lambda connection: True
    ) -> None:
        self._clock = clock
        self._reachable = reachable
        self._members: dict[str, Member] = {}
        self._speakers: dict[bytes, Member] = {}  # by connection
        self._tenures: dict[int, Tenure] = {}  # by index
        self.joined = 0  # in the whole run
        self.lost = 0  # in the whole run: ended without a Bye message

    def __len__(self) -> int:
        return len(self._members)

    def members(self) -> list[Member]:
        """Return the members, sorted by index."""
        return sorted(self._members.values(), key=lambda member: member.index)

    def get(self, client: str) -> Member | None:
        """Return the member with a client id, or None."""
        return self._members.get(client)

    def beat(self, client: str, doing: str = "") -> None:
        """Record a heartbeat of a member, and its activity."""
        if (member := self._members.get(client)) is not None:
            member.last_seen = self._clock()
            member.doing = "".join(c for c in doing if c.isprintable())[:MAX_DOING].strip()

    def speaker(self, connection: bytes) -> Member | None:
        """Return the member of a connection, or None. Record that it is alive."""
        member = self._speakers.get(connection)
        if member is not None:
            member.last_seen = self._clock()
        return member

    def greet(self, client: str, connection: bytes, name: str, wanted: int) -> Member:
        """Add a member, or move a known one to this connection.

        A new member gets the index `wanted` if it is free, else the lowest free index.
        """
        speaker = self._speakers.get(connection)
        if speaker is not None and speaker.client != client:
            self.leave(connection)
        member = self._members.get(client)
        if member is None:
            taken = {other.index for other in self._members.values()}
            free = next(index for index in range(len(taken) + 1) if index not in taken)
            index = wanted if 0 <= wanted <= 65535 and wanted not in taken else free
            before = self._tenures.get(index, Tenure(client, 0))
            restarts = before.restarts + (before.client != client)  # the same client was only disconnected
            self._tenures[index] = Tenure(client, restarts)
            member = self._members[client] = Member(client, name, index, connection, self._clock(), restarts=restarts)
            self.joined += 1
        self._speakers.pop(member.connection, None)
        self._speakers[connection] = member
        member.connection, member.last_seen = connection, self._clock()
        return member

    def leave(self, connection: bytes) -> Member | None:
        """Remove the member of a connection, and return it, or None."""
        member = self._speakers.get(connection)
        if member is not None:
            self._forget(member)
        return member

    def sweep(self) -> list[Member]:
        """Remove the members without a heartbeat for HEARTBEAT_TIMEOUT_S, and return them."""
        limit = self._clock() - HEARTBEAT_TIMEOUT_S
        silent = [member for member in self._members.values() if member.last_seen < limit]
        for member in silent:
            self._forget(member)
        self.lost += len(silent)
        return silent

    def drop_gone(self, wanted: int) -> list[Member]:
        """Remove members whose connection is closed, and return them. A new worker can then get their index.

        This checks only members that missed a heartbeat, and the member with the index `wanted`.
        """
        missed = self._clock() - SUSPECT_S
        suspects = [one for one in self._members.values() if one.index == wanted or one.last_seen < missed]
        gone = [member for member in suspects if not self._reachable(member.connection)]
        for member in gone:
            self._forget(member)
        self.lost += len(gone)
        return gone

    def drop_idle(self, idle_s: float) -> Member | None:
        """Remove the member whose newest gradient or score is the oldest, if that is older than `idle_s`. Return it."""
        idle = min(self._members.values(), key=lambda member: member.pushed, default=None)  # the first of equals
        if idle is None or self._clock() - idle.pushed < idle_s:
            return None
        self._forget(idle)
        self.lost += 1
        return idle

    def _forget(self, member: Member) -> None:
        del self._members[member.client]
        del self._speakers[member.connection]
