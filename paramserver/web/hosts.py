"""The names that a browser may use for the page.

The page of another site can have a name that first resolves to that site and then to this machine (DNS rebinding). To
the browser both are one site, so its scripts could read this page. The Host header shows the name that was used.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+)(?::\d+)?")  # RFC 9110, section 7.2


class Hosts:
    """The allowed names: localhost, this machine's name, and those given. An IP address is always allowed.

    Args:
        bound: the address that the page listens on.
        more: other names, separated by commas.
    """

    def __init__(self, bound: str, more: str) -> None:
        names = ["localhost", socket.gethostname(), bound, *more.split(",")]
        self._names = {name.strip().lower() for name in names} - {""}

    def refusal(self, headers: Sequence[str]) -> str:
        """Return why a request with these Host headers is refused; "" if it is not."""
        match = HOST.fullmatch(headers[0]) if len(headers) == 1 else None
        if match is None:
            return "the request must have one Host header with the name of this machine"
        name = match[1].lower().removesuffix(".")
        if name in self._names or _is_address(name):
            return ""
        return (
            f"the Host header must be localhost, the name of this machine or an IP address, found {ascii(name)[:100]}; "
            "for another name, set A3C64_WEB_HOSTS"
        )


def _is_address(name: str) -> bool:
    """Return whether `name` is an IP address. No DNS server can redirect that."""
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
