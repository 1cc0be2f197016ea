"""Another machine on this machine's network, for the tests: a network namespace with a cable to this machine."""

import subprocess
from typing import ClassVar

from stack import run


class Neighbour:
    """It reaches this machine's addresses, and so the ports that Docker publishes on them."""

    name: ClassVar = "a3c64-lan"
    address: ClassVar = "198.51.100.2"  # of RFC 5737's addresses for documentation, which no network uses
    ours: ClassVar = "198.51.100.1"  # of this machine, on the cable
    inside: ClassVar = ("ip", "netns", "exec", name)

    def __init__(self) -> None:
        self.remove()  # of an interrupted test run
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "address", "add", f"{self.ours}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        run(*self.inside, "ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        run(*self.inside, "ip", "link", "set", "eth0", "up")

    def route(self) -> None:
        """Let it reach this machine's other addresses too."""
        run(*self.inside, "ip", "route", "add", "default", "via", self.ours)

    def remove(self) -> None:
        """Remove it; it need not exist."""
        # The kernel removes the cable of a deleted namespace later, so it is removed first.
        for kind in ("link", "netns"):
            subprocess.run(["ip", kind, "delete", self.name], capture_output=True)
