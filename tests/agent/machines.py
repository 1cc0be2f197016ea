"""Machines of a test: network namespaces of this machine, each connected to the first by a link that can be cut."""

import os
import shutil
import subprocess

import pytest
from slow_link import Link, relay

SERVER = "10.203.0.1"  # of machine 0; in namespaces of their own, so that the addresses collide with nothing
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"


class Machines:
    """Network namespaces. Machine 0 has a link to each other machine.

    Their TCP is Reno's, which every kernel has. Like Linux' default (Cubic) it becomes slow when packets are lost.

    Args:
        links: of machine 1, 2, ... to machine 0; None = an Ethernet cable without limits.
    """

    def __init__(self, *links: Link | None) -> None:
        self.names = tuple(f"a3c64-{os.getpid()}-{k}" for k in range(len(links) + 1))
        self._relays: list[subprocess.Popen] = []
        try:
            for number, name in enumerate(self.names):
                _ip("netns", "add", name)
                _run(*self.on(number), "sh", "-c", f"echo reno > {CONGESTION}")
                _ip("-n", name, "link", "set", "lo", "up")
            for number, link in enumerate(links, 1):
                self._connect(number, link)
        except BaseException:
            self.close()
            raise

    def on(self, number: int) -> list[str]:
        """Return the words that run a command on a machine."""
        return ["ip", "netns", "exec", self.names[number]]

    def plug(self, connected: bool, number: int = 1) -> None:
        """Connect a machine's link, or cut it."""
        _ip("-n", self.names[0], "link", "set", _ends(number)[0], "up" if connected else "down")

    def close(self) -> None:
        for one in self._relays:
            one.communicate(timeout=60)
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def _connect(self, number: int, link: Link | None) -> None:
        ends, places = _ends(number), (self.names[0], self.names[number])
        if link is None:
            _ip("link", "add", ends[0], "netns", places[0], "type", "veth", "peer", "name", ends[1], "netns", places[1])
        else:
            self._relays.append(relay(ends, link))
            for end, place in zip(ends, places, strict=True):
                _ip("link", "set", end, "netns", place)
        other = f"10.203.0.{number + 1}"
        for end, place, pair in zip(ends, places, ((SERVER, other), (other, SERVER)), strict=True):
            _ip("-n", place, "address", "add", pair[0], "peer", pair[1], "dev", end)
            _ip("-n", place, "link", "set", end, "up")


def _ends(number: int) -> tuple[str, str]:
    """Return the network devices of a machine's link, at machine 0 and at the other."""
    a, b = (f"a3c{os.getpid() % 10**7}-{number}{end}" for end in "ab")  # at most 15 characters
    return a, b


def machines_or_skip(*links: Link | None) -> Machines:
    """Return the machines. Where namespaces cannot be made, which is also so in some CI, skip the test."""
    if shutil.which("ip") is None:
        pytest.skip("`ip` (iproute2) is not installed")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    try:
        return Machines(*links)
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.skip(f"this machine allows no network namespaces: {getattr(error, 'stderr', error)}")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
