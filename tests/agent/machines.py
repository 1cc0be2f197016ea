"""Machines of a test: network namespaces of this machine, connected by a cable that can be pulled out."""

import os
import shutil
import subprocess

import pytest

ADDRESSES = ("10.203.0.1", "10.203.0.2")  # in namespaces of their own, so they collide with nothing


class Machines:
    """Two network namespaces with an Ethernet cable between them."""

    def __init__(self) -> None:
        self.names = tuple(f"a3c64-{os.getpid()}-{k}" for k in range(2))
        cables = tuple(f"a3c{os.getpid() % 10**7}{end}" for end in "ab")  # at most 15 characters
        self._cable = cables[0]
        try:
            for name in self.names:
                _ip("netns", "add", name)
            _ip("link", "add", cables[0], "netns", self.names[0], "type", "veth", "peer", "name", cables[1],
                "netns", self.names[1])  # fmt: skip
            for name, cable, address in zip(self.names, cables, ADDRESSES, strict=True):
                _ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
                _ip("-n", name, "link", "set", cable, "up")
                _ip("-n", name, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def on(self, number: int) -> list[str]:
        """Return the words that run a command on a machine."""
        return ["ip", "netns", "exec", self.names[number]]

    def plug(self, connected: bool) -> None:
        """Connect the cable, or pull it out."""
        _ip("-n", self.names[0], "link", "set", self._cable, "up" if connected else "down")

    def close(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def two_machines() -> Machines:
    """Return two machines. Where namespaces cannot be made, which is also so in some CI, skip the test."""
    if shutil.which("ip") is None:
        pytest.skip("`ip` (iproute2) is not installed")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    try:
        return Machines()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine allows no network namespaces: {error.stderr.strip()}")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True, timeout=60)
