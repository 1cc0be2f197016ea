"""A worker's heartbeat: a thread that tells the server that this process is alive."""

import threading

from a3c64.wire import messages as wire
from a3c64.wire.address import ServerAddress
from a3c64.wire.transport import SocketTransport

HEARTBEAT_S = (
    1.0  # after five misses the server counts a worker as lost; loading TensorFlow can block Python for two seconds
)
SILENCE_S = 10.0  # after this, connect again: after a long cut, the kernel would wait minutes before it sends again


class Heartbeat:
    """A daemon thread with its own socket. It beats while the process is alive, even when the main thread is busy."""

    def __init__(self, address: ServerAddress, client: str) -> None:
        self._address = address
        self._client = client
        self.doing = ""  # what this process does before its first gradient, in a few words
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _beat(self) -> None:
        transport = SocketTransport(self._address, SILENCE_S)
        try:
            while not self._stop.wait(HEARTBEAT_S):
                transport.renew()  # the server of a new run may have written another key
                transport.send(wire.encode(0, wire.Beat(self._client, self.doing)))
        finally:
            transport.close()
