"""Clients of a real server. They stay members while a test is slow: each has a heartbeat."""

import threading

from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.heartbeat import Heartbeat
from a3c64.wire.transport import SocketTransport


class Attacker:
    """A client that can send any message. It has said hello."""

    def __init__(self, address, role, name):
        self._transport, self._sequence = SocketTransport(address), 0
        self.welcome = self.ask(wire.Hello(name, name, -1, role, 0))

    def ask(self, body, vector=None):
        """Send a message and return the body of its answer."""
        self._sequence += 1
        self._transport.send(wire.encode(self._sequence, body, vector))
        frames = self._transport.receive(60.0)
        assert frames is not None, "the server does not answer"
        return wire.decode(frames).body

    def refusal(self, body, vector=None):
        """Send a message that the server must refuse, and return the reason."""
        answer = self.ask(body, vector)
        assert isinstance(answer, wire.Refused), answer
        return answer.reason

    def close(self):
        self._transport.close()


class Clients:
    """The clients of one test; close() ends them all."""

    def __init__(self, stack):
        self._stack, self._open = stack, []

    def honest(self, kind=Client, name="honest"):
        """Return a new client that has said hello."""
        client = kind(SocketTransport(self._stack.server), name, name, threading.Event())
        client.hello()
        return self._keep(client, name)

    def attacker(self, role=wire.WORKER, name="attacker"):
        return self._keep(Attacker(self._stack.server, role, name), name)

    def close(self):
        for client, heartbeat in self._open:
            heartbeat.stop()
            client.close()

    def _keep(self, client, name):
        heartbeat = Heartbeat(self._stack.server, name)
        heartbeat.start()
        self._open.append((client, heartbeat))
        return client
