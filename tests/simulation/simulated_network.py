"""Connections between clients and the server's socket. Messages can be lost, late, doubled, reordered or altered."""

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq
from simulated_world import Task, World

USUAL_S = 0.01  # longest delay of a message without a fault
RECONNECT_S = 0.1
QUEUE = 8  # messages that a client's socket holds while it has no server


@dataclass
class Faults:
    """The probability of each fault per message, and the longest extra delay of a late message."""

    drop: float = 0.0
    late: float = 0.0
    late_s: float = 0.0
    double: float = 0.0
    alter: float = 0.0
    cut: float = 0.0


Delivery = Callable[[list[bytes]], None]


class Connection:
    """One TCP connection. The server's socket identifies it by its id."""

    numbers = itertools.count(1)

    def __init__(self, client: "ClientTransport") -> None:
        self.id = next(self.numbers).to_bytes(5, "big")
        self.client = client
        self.open = True


class Network:
    """Carries frames between the clients and the current server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.router: Router | None = None
        self.transports: list[ClientTransport] = []
        self.connections: dict[bytes, Connection] = {}

    def listen(self, router: "Router") -> None:
        self.router = router
        for transport in self.transports:
            self.world.after(RECONNECT_S + self.world.random.random(), transport.flush)

    def cut(self, connection: Connection) -> None:
        connection.open = False
        self.connections.pop(connection.id, None)

    def cut_all(self) -> None:
        for connection in list(self.connections.values()):
            self.cut(connection)

    def carry(
        self,
        connection: Connection,
        frames: Sequence[bytes | memoryview],
        deliver: Delivery,
        what: str,
    ) -> None:
        """Carry a message to the other end of a connection, with faults."""
        world, faults = self.world, self.faults
        copies = [bytes(frame) for frame in frames]
        if world.chance(faults.cut):
            world.note(f"cut at {what}")
            return self.cut(connection)
        if world.chance(faults.drop):
            return world.note(f"lost: {what}")
        if world.chance(faults.alter):
            number = world.random.randrange(len(copies))
            altered = bytearray(copies[number])
            altered[world.random.randrange(len(altered))] ^= world.random.randrange(1, 256)
            copies[number] = bytes(altered)
            world.note(f"altered: {what}")
        times = 1
        if world.chance(faults.double):
            times = 2
            world.note(f"doubled: {what}")
        for _ in range(times):
            delay = world.random.random() * USUAL_S
            if world.chance(faults.late):
                delay += world.random.random() * faults.late_s
                world.note(f"{delay:.1f} s late: {what}")
            world.after(delay, lambda: deliver(copies) if connection.open else None)


class ClientTransport:
    """The clients' side. It reconnects automatically, as a3c64.wire.transport.SocketTransport does."""

    problem = ""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self.name = name
        self._inbox: deque[list[bytes]] = deque()
        self._unsent: deque[Sequence[bytes | memoryview]] = deque(maxlen=QUEUE)
        self._connection: Connection | None = None
        self.task: Task | None = None  # the task that reads from this transport
        network.transports.append(self)

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        self._unsent.append([bytes(frame) for frame in frames])
        self.flush()

    def flush(self) -> None:
        """Send the queued messages, if there is a server."""
        router = self._network.router
        if router is None or self not in self._network.transports:
            return
        if self._connection is None or not self._connection.open:
            self._connection = Connection(self)
            self._network.connections[self._connection.id] = self._connection
        connection = self._connection
        while self._unsent:
            frames = self._unsent.popleft()
            self._network.carry(connection, frames, lambda copies: router.arrive(connection, copies), f"{self.name} ->")

    def arrive(self, connection: Connection, frames: list[bytes]) -> None:
        if connection is self._connection:
            self._inbox.append(frames)
            if self.task is not None:
                self.task.notify()

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        if not self._inbox:
            self._network.world.wait(timeout_s)
        return [memoryview(frame) for frame in self._inbox.popleft()] if self._inbox else None

    def progressed(self) -> bool:
        """Return False: a message arrives as a whole, or not at all."""
        return False

    def reset(self) -> None:
        """Use a new connection. Messages sent over the old one may still arrive."""
        self._inbox.clear()
        self._unsent.clear()
        self._connection = None

    def close(self) -> None:
        """Close the connection, as the kernel does when a process ends."""
        if self._connection is not None:
            self._network.cut(self._connection)
        if self in self._network.transports:
            self._network.transports.remove(self)


class Router:
    """The server's side. It behaves like a zmq.ROUTER with ROUTER_MANDATORY."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._inbox: deque[tuple[Connection, list[bytes]]] = deque()
        self.task = network.world.running
        network.listen(self)

    def setsockopt(self, option: int, value: object) -> None:
        pass

    def arrive(self, connection: Connection, frames: list[bytes]) -> None:
        if self._network.router is self:
            self._inbox.append((connection, frames))
            if self.task is not None:
                self.task.notify()

    def poll(self, timeout_ms: int) -> int:
        if not self._inbox:
            self._network.world.wait(timeout_ms / 1000)
        return len(self._inbox)

    def closed(self) -> int:
        """Stand in for Incoming.closed: no connection here sends too much."""
        return 0

    def receive(self) -> list[zmq.Frame]:
        """Stand in for Incoming.receive."""
        if not self._inbox:
            raise zmq.Again
        connection, frames = self._inbox.popleft()
        return [zmq.Frame(data) for data in (connection.id, *frames)]

    def send_multipart(self, frames: Sequence[bytes | memoryview], flags: int, copy: bool = True) -> None:
        connection = self._network.connections.get(bytes(frames[0]))
        if connection is None or self._network.router is not self:
            raise zmq.ZMQError(zmq.EHOSTUNREACH)
        client = connection.client
        self._network.carry(
            connection, frames[1:], lambda copies: client.arrive(connection, copies), f"-> {client.name}"
        )

    def close(self, linger: int = 0) -> None:
        if self._network.router is self:
            self._network.router = None
            self._network.cut_all()
