"""What to type on another machine so that it joins a run: `a3c64 worker --join LINK`, or the same in a container."""

import time
from pathlib import Path
from typing import NamedTuple

from a3c64.addresses import TCP, host, is_loopback, parse
from a3c64.cli.own_address import own_address
from a3c64.config import BadInputError, Settings
from a3c64.wire import keys, server_file
from a3c64.wire.address import key_file_in
from a3c64.wire.join_link import JoinLink

IMAGE = "a3c64-worker"  # as docker-compose.yml names it
LOOK_S = 0.2
# The limits are those of docker-compose.yml. The link comes from standard input, because Docker and the list of
# processes show a container's arguments and variables to others.
DOCKER = (
    "echo {link} | docker run --interactive --rm --init --read-only --tmpfs /tmp:size=1g --pids-limit 4096 "
    "--cap-drop ALL --security-opt no-new-privileges {more}{image} a3c64 worker --join -"
)


class Serving(NamedTuple):
    """Where a run's server listens, and the key file of its clients."""

    bind: str  # tcp://
    key_file: Path


class Invitation(NamedTuple):
    """What to type on another machine, and what to know about it."""

    link: JoinLink
    note: str  # "" = nothing

    @property
    def command(self) -> str:
        """The command that needs an installed a3c64."""
        return f"a3c64 worker --join {self.link.text()}"

    def docker_command(self, image: str) -> str:
        """Return the command that needs Docker and the workers' image."""
        # A tunnel's near end is in the machine's network namespace.
        more = "--network host " if is_loopback(self.link.place.host) else ""
        return DOCKER.format(link=self.link.text(), image=image, more=more)


def serving(settings: Settings) -> Serving:
    """Return where the server of a run listens: as the settings say, else as its run folder says.

    Raises:
        BadInputError: it has no TCP port.
    """
    server = server_file.read(settings.run_dir)
    given = settings.model_fields_set
    bind = server.bind if server and "bind" not in given else settings.bind
    key_file = settings.run_dir / server.key_file if server and server.key_file else key_file_in(settings)
    if "key_file" in given and settings.key_file:
        key_file = settings.key_file
    assert key_file is not None  # these commands have no --no-encryption
    if not TCP.fullmatch(bind):
        raise BadInputError(f"the server listens at {bind}, which other machines cannot reach")
    return Serving(bind, key_file)


def address(given: str | None) -> str:
    """Return the host that --address names; "" without it.

    Raises:
        BadInputError: it is not a host.
    """
    try:
        return host(given) if given else ""
    except ValueError as error:
        raise BadInputError(f"--address: found {given!r}, expected {error}") from None


def invitation(server: Serving, reached_at: str = "") -> Invitation:
    """Return what to type on other machines.

    Args:
        server: of the run.
        reached_at: the host at which others reach the server; empty = this machine's most plausible address.

    Raises:
        BadInputError: there is no key.
    """
    key = keys.read(server.key_file)
    if key is None:
        raise BadInputError(f"there is no key file {server.key_file}: the server of the run writes it when it starts")
    place = parse(server.bind.removeprefix("tcp://"))
    found = own_address(place.host)
    link = JoinLink(place._replace(host=reached_at or found.host), key)
    note = f"{link.place.host} is {found.why}; if others reach it at another, put that into the link"
    return Invitation(link, "" if reached_at else note)


def only_local(server: Serving) -> str:
    """Return a line that says that other machines do not reach the server; "" if they may."""
    where = parse(server.bind.removeprefix("tcp://")).host
    if not is_loopback(where):
        return ""
    return (
        f"the server listens only on {where}: others need a tunnel, or start it with `a3c64 train --listen` "
        "(with Docker: `make up LISTEN=1`)"
    )


def wait_for_key(server: Serving, seconds: float) -> None:
    """Wait until the run's server has written the clients' key, but at most some seconds."""
    end = time.monotonic() + seconds
    while not server.key_file.exists() and time.monotonic() < end:
        time.sleep(LOOK_S)
