"""This machine's address for other machines: a plausible one, and how it was found. No packet is sent."""

import fcntl
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # addresses that no machine has: RFC 5737, RFC 3849
ANY_PORT = 9  # connecting a UDP socket sends nothing
SIOCGIFADDR = 0x8915  # linux/sockios.h: the IPv4 address of an interface
IFREQ = "16s24x"  # struct ifreq: its name, and room for an address
ADDRESS = slice(20, 24)  # the IPv4 address in a struct ifreq


class OwnAddress(NamedTuple):
    """An address of this machine."""

    host: str
    why: str  # how it was found


def own_address(bound: str) -> OwnAddress:
    """Return the address at which other machines most plausibly reach a server that binds the host `bound`."""
    if bound not in ("*", "0.0.0.0", "::"):
        return OwnAddress(bound, "the address that the server binds")
    for family in (socket.AF_INET, socket.AF_INET6) if bound == "::" else (socket.AF_INET,):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((FAR[family], ANY_PORT))
            return OwnAddress(probe.getsockname()[0], "this machine's address on its default route")
    for _, interface in socket.if_nameindex():
        if interface != "lo" and (host := _address_of(interface)):
            return OwnAddress(host, f"the address of {interface}; this machine has no default route")
    return OwnAddress("127.0.0.1", "this machine has no other address")


def _address_of(interface: str) -> str:
    """Return the IPv4 address of an interface; "" if it has none."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack(IFREQ, interface.encode()))
        return socket.inet_ntoa(answer[ADDRESS])
    return ""
