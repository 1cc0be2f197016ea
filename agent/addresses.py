"""Addresses with a host, IPv4 or IPv6: tcp://[::1]:5555, http://127.0.0.1:6080/."""

import ipaddress
import re
from typing import NamedTuple

LOOPBACK = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}  # any address of this machine -> one to connect to
ENDPOINT = re.compile(r"^(tcp://([^:/\s\[\]]+|\[(?P<ipv6>[^\[\]\s]+)\]):(?P<port>\d{1,5})|ipc://\S+)$")
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


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reachable(endpoint: str) -> str:
    """Return the ZeroMQ address at which a client on the same machine reaches a server that binds `endpoint`."""
    if not TCP.fullmatch(endpoint):
        return endpoint
    place = parse(endpoint.removeprefix("tcp://"))
    return f"tcp://{place._replace(host=LOOPBACK.get(place.host, place.host))}"


def endpoint(value: str) -> str:
    """Accept a ZeroMQ address: tcp:// with a port, or ipc://."""
    match = ENDPOINT.match(value)
    if not match or int(match["port"] or 0) > 65535 or (match["ipv6"] and not _valid_ipv6(match["ipv6"])):
        raise ValueError("an address such as tcp://127.0.0.1:5555 or tcp://[::1]:5555, with a port up to 65535")
    return value


def host(value: str) -> str:
    """Accept a host without a port; return it without the brackets of an IPv6 address."""
    host = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not host or set(host) & set("/[] ") or (":" in host and not _valid_ipv6(host)):
        raise ValueError("a host such as 127.0.0.1 or ::1, without a port")
    return host


def _valid_ipv6(host: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False
