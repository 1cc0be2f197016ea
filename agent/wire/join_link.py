"""The text that lets another machine join a run: a3c64://HOST:PORT/KEY. Who has it can join, so it is a secret."""

import re
from typing import NamedTuple

from a3c64.addresses import Place, endpoint, parse
from a3c64.wire.keys import ClientKey

SCHEME = "a3c64://"
FORM = re.compile(rf"{SCHEME}(?P<place>[^/\s]+:\d+)/(?P<key>\S+)")
MOST = 4096  # characters; a link has about 120


class JoinLink(NamedTuple):
    """Where a run's server listens, and the key of its clients."""

    place: Place
    key: ClientKey

    @classmethod
    def of(cls, text: str) -> "JoinLink":
        """Return the link of its text form.

        Raises:
            ValueError: the text is not a link. The error does not repeat the text, because it may have a key.
        """
        match = FORM.fullmatch(text.strip()[:MOST])
        if not match:
            raise ValueError(
                f"expected {SCHEME}HOST:PORT/KEY, the link that `a3c64 keys` prints on the server's machine"
            )
        return cls(parse(endpoint(f"tcp://{match['place']}").removeprefix("tcp://")), ClientKey.of(match["key"]))

    def text(self) -> str:
        """Return the text form."""
        return f"{SCHEME}{self.place}/{self.key.text()}"

    @property
    def url(self) -> str:
        """The server's address for ZeroMQ."""
        return f"tcp://{self.place}"
