"""A slow, distant and lossy network link: a process that relays IP packets between two TUN devices.

It replaces `tc qdisc ... netem`, because some kernels have no netem (CONFIG_NET_SCH_NETEM). TCP cannot tell the
difference: single packets are delayed, lost, and dropped where the queue before the limited rate is full.

python tests/agent/slow_link.py NAME NAME DELAY_S LOSS BITS_S SEED makes both devices, prints a line and relays until
its standard input ends.
"""

import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque
from typing import NamedTuple

TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET = 1500  # bytes; the largest packet, as on Ethernet
QUEUE_S = 0.1  # a packet that would wait longer for the limited rate is dropped, as in a router
BURST = 64  # packets read from one device before the other has its turn


class Link(NamedTuple):
    """The properties of a link, the same in both directions."""

    delay_s: float  # one way
    loss: float  # probability of each packet
    bits_s: float


FAR = Link(0.02, 0.01, 100e6)  # what `netem delay 20ms loss 1% rate 100mbit` on both sides does


def relay(names: tuple[str, str], link: Link) -> subprocess.Popen:
    """Start the relay's process; return it when its devices exist. They vanish when it ends."""
    words = [sys.executable, __file__, *names, *map(str, link), "1"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    if not process.stdout.readline():
        raise OSError(f"{names}: TUN devices cannot be made, exit code {process.wait()}")
    return process


class Direction:
    """The packets from one device to the other."""

    def __init__(self, source: int, sink: int, link: Link, chance: random.Random) -> None:
        self.source, self._sink = source, sink
        self._link, self._random = link, chance
        self._free = 0.0  # time at which all packets so far are past the limited rate
        self._under_way: deque[tuple[float, bytes]] = deque()  # time of arrival, packet

    @property
    def due(self) -> float:
        """Return the time of the next arrival."""
        return self._under_way[0][0] if self._under_way else float("inf")

    def take(self) -> None:
        """Read the packets that have been sent."""
        for _ in range(BURST):
            try:
                packet = os.read(self.source, PACKET)
            except BlockingIOError:
                return
            now = time.monotonic()
            begin = max(now, self._free)
            if self._random.random() < self._link.loss or begin - now > QUEUE_S:
                continue
            self._free = begin + 8 * len(packet) / self._link.bits_s
            self._under_way.append((self._free + self._link.delay_s, packet))

    def deliver(self) -> None:
        """Write the packets that have arrived."""
        while self.due <= time.monotonic():
            _, packet = self._under_way.popleft()
            try:
                os.write(self._sink, packet)
            except OSError:  # the device is down: the cable is pulled out
                continue


def device(name: str) -> int:
    """Return the file descriptor of a new TUN device."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def main() -> None:
    first, second, *numbers, seed = sys.argv[1:]
    link, chance = Link(*map(float, numbers)), random.Random(int(seed))
    ends = device(first), device(second)
    directions = [Direction(*pair, link, chance) for pair in (ends, ends[::-1])]
    print("ready", flush=True)
    while True:
        wait = min(one.due for one in directions) - time.monotonic()
        readable, _, _ = select.select([*ends, sys.stdin], [], [], min(max(wait, 0.0), 1.0))
        if sys.stdin in readable:
            return
        for one in directions:
            if one.source in readable:
                one.take()
            one.deliver()


if __name__ == "__main__":
    main()
