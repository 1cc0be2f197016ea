"""Accept connections only from clients with a key, and count the others (CurveZMQ, with ZAP)."""

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from a3c64.paramserver.run_keys import RunKeys

ZAP = "inproc://zeromq.zap.01"  # https://rfc.zeromq.org/spec/27/: libzmq asks here whether a client may connect
# The event HANDSHAKE_FAILED_PROTOCOL would count refusals, but must not be used: see a3c64.wire.transport.EVENTS.
EVENTS = (
    zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED
)
MONITOR = "inproc://refused-connections"
MOST = 1000  # events read at a time, so that a flood of connections cannot keep the server from its other work


class Authentication:
    """The checks of new connections to a server's socket. libzmq does the rest in its own thread.

    A client that knows the server's public key is checked by its own key (ZAP). libzmq refuses all others itself.

    Args:
        socket: the server's, not bound yet.
        keys: of the run.
    """

    def __init__(self, socket: zmq.Socket, keys: RunKeys) -> None:
        self._socket, self._keys = socket, keys
        self._refusals = Refusals()
        context: zmq.Context = socket.context
        self._zap: zmq.Socket = context.socket(zmq.REP)
        self._zap.bind(ZAP)
        keys.apply(socket)
        self._events: zmq.Socket = context.socket(zmq.PAIR)
        # Unlimited, because libzmq's thread would block on a full queue of events, and all connections with it.
        self._events.setsockopt(zmq.RCVHWM, 0)
        self._poller = zmq.Poller()
        self._poller.register(socket, zmq.POLLIN)
        self._poller.register(self._zap, zmq.POLLIN)

    def watch(self) -> None:
        """Begin to count refused connections. Call this when the socket is bound."""
        self._socket.monitor(MONITOR, EVENTS)
        self._events.connect(MONITOR)

    def wait(self, timeout_ms: int) -> bool:
        """Check new connections until a message arrives or the time is over; return whether one has arrived."""
        ready = dict(self._poller.poll(timeout_ms))
        if self._zap in ready:
            self._answer()
        return self._socket in ready

    def refused(self) -> int:
        """Return the number of connections that were refused since the last call."""
        for _ in range(MOST):
            if not self._events.poll(0):
                break
            event = recv_monitor_message(self._events)
            self._refusals.add(event["event"], event["value"])
        return self._refusals.take()

    def close(self) -> None:
        """Stop. Call this before the server's socket is closed."""
        self._socket.monitor(None, 0)
        self._events.close(linger=0)
        self._zap.close(linger=0)

    def _answer(self) -> None:
        """Answer libzmq's question whether a client may connect."""
        version, request, _, _, _, mechanism, *credentials = self._zap.recv_multipart()
        allowed = mechanism == b"CURVE" and len(credentials) == 1 and self._keys.allows(z85.encode(credentials[0]))
        code, text = (b"200", b"OK") if allowed else (b"400", b"unknown key")
        self._zap.send_multipart([version, request, code, text, b"", b""])


class Refusals:
    """Counts refused connections from the events of a socket.

    A refused connection is one that the server ends before its handshake has succeeded. The event of success does not
    say which connection it is about. So while several handshakes go on, a refusal may be counted later.
    """

    def __init__(self) -> None:
        self._count = 0
        self._open: set[int] = set()  # descriptors of connections whose handshake may go on
        self._ended = 0  # connections that have ended; whether their handshakes succeeded is not known yet
        self._succeeded = 0  # handshakes, of open connections and of ended ones
        self._gave_up = False  # the next connection that ends was closed by its other end, or sent nothing for 30 s

    def add(self, event: int, descriptor: int) -> None:
        """Add an event."""
        if event == zmq.EVENT_ACCEPTED:
            self._open.add(descriptor)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._succeeded += 1
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._gave_up = True
        elif event == zmq.EVENT_DISCONNECTED:
            if descriptor in self._open:
                self._open.remove(descriptor)
                self._ended += not self._gave_up
            self._gave_up = False
        if self._ended > self._succeeded:
            self._count += self._ended - self._succeeded
            self._ended = self._succeeded
        if self._succeeded >= self._ended + len(self._open):  # all have succeeded
            self._open.clear()
            self._ended = self._succeeded = 0

    def take(self) -> int:
        """Return the count since the last call."""
        count, self._count = self._count, 0
        return count
