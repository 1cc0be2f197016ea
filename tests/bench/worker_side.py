"""The workers' side of bench_server.py: any number of workers in one process, each with a socket. They only push.

python tests/bench/worker_side.py URL KEY_FILE|none SERVER_PID WORKERS PARAMETERS SECONDS none|4bit prints the result as
its last line. Each worker pushes the next gradient as soon as it has the answer to the last. They use
agent/wire/messages.py, and their sockets are configured as agent/wire/client.py's. With 4bit, gradients and weights are
compressed as those of workers that join from another machine. Needs no TensorFlow.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zmq

from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.wire import keys
from a3c64.wire import messages as wire
from a3c64.wire.address import ServerAddress
from a3c64.wire.compression import Packed
from a3c64.wire.heartbeat import HEARTBEAT_S
from a3c64.wire.transport import configure

GRADIENTS = 4  # different gradients per process, drawn before the measurement
WARM_UP_S = 1.0  # the warm-up lasts at least this long, and until every worker has had an answer
ANSWER_S = 30.0
REFRESH_FROM = (
    3  # of worker/loop.py, which needs TensorFlow: with more workers, each asks for weights before a gradient
)


class Counters(NamedTuple):
    """The resources that a server's process has used so far."""

    threads_s: dict[str, float]  # processor time of each thread
    resident_mb: float

    @property
    def cpu_s(self) -> float:
        return sum(self.threads_s.values())


def connected(context: zmq.Context, address: ServerAddress) -> zmq.Socket:
    """Return a socket that connects to a server."""
    socket: zmq.Socket = context.socket(zmq.DEALER)
    configure(socket)
    if address.key_file and (key := keys.read(address.key_file)):
        key.apply(socket)
    socket.connect(address.url)
    return socket


class Worker:
    """One simulated worker: a socket and the state of its request."""

    def __init__(self, context: zmq.Context, address: ServerAddress, name: str) -> None:
        self.socket = connected(context, address)
        self.name = name
        self.sequence = 0
        self.version = 0
        self.sent_at = 0.0
        self.asks = False  # whether its request underway asks for weights

    def send(self, body: wire.Body, vector: np.ndarray | Packed | None = None) -> int:
        """Send a message; return its size in bytes."""
        self.sequence += 1
        frames = wire.encode(self.sequence, body, vector)
        self.sent_at = time.perf_counter()
        self.socket.send_multipart(frames, zmq.DONTWAIT, copy=vector is None, track=False)
        return sum(len(frame) for frame in frames)

    def receive(self) -> tuple[wire.Message, int]:
        """Return the answer and its size in bytes. A missing answer or a refusal ends this bench."""
        while self.socket.poll(ANSWER_S * 1000):
            frames = [frame.buffer for frame in self.socket.recv_multipart(copy=False)]
            answer = wire.decode(frames)
            if isinstance(answer.body, wire.Refused) and answer.body.remedy != "hello":
                sys.exit(f"{self.name}: not the answer expected: {answer.body}")
            if answer.sequence == self.sequence:  # else the server has only checked that this connection is open
                return answer, sum(len(frame) for frame in frames)
        sys.exit(f"{self.name}: no answer within {ANSWER_S:.0f} s")

    def greet(self, join: wire.Join) -> None:
        """Say hello, and get the first weights."""
        self.send(wire.Hello(self.name, self.name, -1, wire.WORKER, 0))
        self.receive()
        self.send(join)
        self.version = self.receive()[0].body.version


def counters(pid: int) -> Counters:
    """Return the counters of a process with all its threads."""
    threads = {}
    for path in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended
            threads[path.name] = int((path / "schedstat").read_text().split()[0]) / 1e9
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Counters(threads, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def beat(context: zmq.Context, address: ServerAddress, names: list[str]) -> None:
    """Send a heartbeat for every worker that has joined, once a second, for ever."""
    socket = connected(context, address)
    socket.setsockopt(zmq.SNDTIMEO, int(1000 * HEARTBEAT_S))  # the queue is short for many workers
    while True:
        time.sleep(HEARTBEAT_S)
        for name in list(names):
            with suppress(zmq.Again):
                socket.send_multipart(wire.encode(0, wire.Beat(name, "")))


def main() -> None:
    url, key_file, *numbers, seconds, compression = sys.argv[1:]
    address = ServerAddress(url, None if key_file == "none" else Path(key_file))
    pid, count, size = map(int, numbers)
    specs = [ParameterSpec("vector", (size,), 0.0)]
    model = signature(specs)
    generator = np.random.default_rng(0)
    join = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in specs], [])
    gradients: list[np.ndarray | Packed] = []
    for _ in range(GRADIENTS):
        drawn = generator.normal(scale=1e-3, size=size).astype(np.float32)
        gradients.append(Packed.of(drawn, size) if compression == "4bit" else drawn)
    context = zmq.Context()
    alone = counters(pid)

    workers = [Worker(context, address, f"simulated{number}") for number in range(count)]
    joined: list[str] = []
    threading.Thread(target=beat, args=(context, address, joined), daemon=True).start()
    for worker in workers:
        worker.greet(join)
        joined.append(worker.name)
    poller = zmq.Poller()
    for worker in workers:
        poller.register(worker.socket, zmq.POLLIN)
    by_socket = {worker.socket: worker for worker in workers}

    def push(worker: Worker) -> int:
        gradient = gradients[worker.sequence % GRADIENTS]
        body = wire.Push(model, worker.version, 1, {"entropy": 1.0}, [])
        if isinstance(gradient, Packed):  # `sequence` is that of the answer that the worker holds
            body = body._replace(packed=size, base=worker.sequence)
        worker.asks = False
        return worker.send(body, gradient)

    def ask(worker: Worker) -> int:
        worker.asks = True
        return worker.send(join._replace(base=worker.sequence if compression == "4bit" else 0))

    for worker in workers:
        push(worker)
    begin = time.perf_counter() + WARM_UP_S
    end = math.inf
    waiting = {worker.name for worker in workers}  # workers without an answer yet
    replies: list[float] = []
    sent = received = 0
    before: Counters | None = None
    while (now := time.perf_counter()) < end:
        if before is None and now >= begin and not waiting:
            before, begin, end = counters(pid), now, now + float(seconds)
        ready = poller.poll(ANSWER_S * 1000)
        if not ready:
            sys.exit(f"no answer within {ANSWER_S:.0f} s")
        for socket, _ in ready:
            worker = by_socket[socket]
            answer, length = worker.receive()
            taken = time.perf_counter() - worker.sent_at
            if isinstance(answer.body, wire.Refused):  # on a busy machine, the server misses its heartbeats
                worker.greet(join)
                push(worker)
                continue
            worker.version = answer.body.version
            waiting.discard(worker.name)
            asked = worker.asks
            pushed = push(worker) if asked or count <= REFRESH_FROM else ask(worker)
            if before is not None:
                replies += [] if asked else [taken]
                sent += pushed
                received += length
    assert before is not None
    after, seconds_taken, updates = counters(pid), time.perf_counter() - begin, len(replies)
    threads_s = {one: taken - before.threads_s.get(one, 0.0) for one, taken in after.threads_s.items()}
    result = {
        "updates_per_s": updates / seconds_taken,
        "p50_ms": float(np.percentile(replies, 50)) * 1000,
        "p99_ms": float(np.percentile(replies, 99)) * 1000,
        "sent_kb": sent / updates / 1000,
        "received_kb": received / updates / 1000,
        "main_ms": threads_s[str(pid)] / updates * 1000,
        "busiest_ms": max(threads_s.values()) / updates * 1000,
        "cpu_ms": (after.cpu_s - before.cpu_s) / updates * 1000,
        "alone_mb": alone.resident_mb,
        "resident_mb": after.resident_mb,
    }
    print(json.dumps(result), flush=True)
    os._exit(0)  # without waiting for unsent messages


if __name__ == "__main__":
    main()
