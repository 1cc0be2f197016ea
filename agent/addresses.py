"""Addresses with a host, IPv4 or IPv6: tcp://[::1]:5555, http://127.0.0.1:6080/."""

import re
from typing import NamedTuple

LOOPBACK = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # any address of this machine -> one to connect to
TCP = re.compile(r"tcp://(?P<host>.*):(?P<port>\d+)")


class Place(NamedTuple):
    """A host and a port. An IPv6 address has no brackets here."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return "host:port", with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Place:
    """Return the place in "host:port" or "[IPv6 address]:port"."""
    host, _, port = text.rpartition(":")
    return Place(host.removeprefix("[").removesuffix("]"), int(port))


def link(host: str, port: int) -> str:
    """Return the URL of a web page that listens on `host`, for a browser on the same machine."""
    return f"http://{Place(LOOPBACK.get(host, host), port)}/"


def is_ipv6(endpoint: str) -> bool:
    """Return whether a ZeroMQ address has an IPv6 address. libzmq needs an option for it."""
    return endpoint.startswith("tcp://[")


def reachable(endpoint: str) -> str:
    """Return the ZeroMQ address at which a client on the same machine reaches a server that binds `endpoint`."""
    if not TCP.fullmatch(endpoint):
        return endpoint
    place = parse(endpoint.removeprefix("tcp://"))
    return f"tcp://{place._replace(host=LOOPBACK.get(place.host, place.host))}"
