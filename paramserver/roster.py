"""Who is alive: indices, heartbeats, and how many have joined and been lost."""

from collections.abc import Callable
from dataclasses import dataclass

HEARTBEAT_TIMEOUT_S = 5.0  # five missed beats of one second


@dataclass
class Member:
    """A worker the server knows."""

    client: str
    name: str
    index: int
    last_seen: float  # seconds on the roster's clock
    sequence: int = 0  # of its newest request
    steps: int = 0
    staleness: int = 0  # of its newest gradient


class Roster:
    """The workers that are alive."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._members: dict[str, Member] = {}
        self.joined = 0  # ever
        self.lost = 0  # ever: fell silent without a goodbye

    def __len__(self) -> int:
        return len(self._members)

    def members(self) -> list[Member]:
        """Return them by index."""
        return sorted(self._members.values(), key=lambda member: member.index)

    def get(self, client: str) -> Member | None:
        """Return a member, noting that it lives."""
        member = self._members.get(client)
        if member is not None:
            member.last_seen = self._clock()
        return member

    def greet(self, client: str, name: str, wanted: int) -> Member:
        """Take a worker in, or take it in again: it gets the index it wants if free, else the lowest free one."""
        member = self._members.get(client)
        if member is None:
            taken = {other.index for other in self._members.values()}
            free = next(index for index in range(len(taken) + 1) if index not in taken)
            index = wanted if 0 <= wanted <= 65535 and wanted not in taken else free
            member = Member(client, name, index, self._clock())
            self._members[client] = member
            self.joined += 1
        member.last_seen = self._clock()
        member.sequence = 0
        return member

    def leave(self, client: str) -> Member | None:
        """Forget a worker that said goodbye."""
        return self._members.pop(client, None)

    def sweep(self) -> list[Member]:
        """Forget the workers that fell silent, and return them."""
        limit = self._clock() - HEARTBEAT_TIMEOUT_S
        silent = [member for member in self._members.values() if member.last_seen < limit]
        for member in silent:
            del self._members[member.client]
        self.lost += len(silent)
        return silent
