"""`a3c64 join` prints the command with which other machines join a run, `a3c64 keys` replaces the key in it."""

import argparse
import logging
import shlex
import time

from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import BadInputError, Settings
from a3c64.output import say

log = logging.getLogger(__name__)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the option that both commands have."""
    parser.add_argument("--address", metavar="HOST", help="where others reach this machine; default: its own address")


def add_join_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `join`."""
    from a3c64.cli.inviting import IMAGE

    parser.add_argument("link", nargs="?", help=argparse.SUPPRESS)  # a likely mistake
    add_address(parser)
    parser.add_argument("--docker", action="store_true", help="for a machine that has Docker and the workers' image")
    parser.add_argument("--image", default=IMAGE, help=f"with --docker: the workers' image (default: {IMAGE})")
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="X", help="seconds to wait until a server has started (default: 0)"
    )


def add_keys_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `keys`."""
    add_address(parser)
    parser.add_argument("--revoke", action="store_true", help="make a new key; links with the former one end")
    parser.add_argument("--new", action="store_true", help="make keys and VNC password before a run's first start")


def join(settings: Settings, parsed: Parsed) -> int:
    """Print the command with which other machines join this run; --docker: in a container."""
    from a3c64.cli.inviting import address, invitation, only_local, serving, wait_for_key

    if parsed["link"]:  # the error does not repeat it, because it may have a key
        raise BadInputError("this prints the line for other machines; to join a run, type `a3c64 worker --join LINK`")
    at_least("wait", parsed["wait"], 0)
    server, reached_at = serving(settings), address(parsed["address"])
    wait_for_key(server, parsed["wait"])
    invited = invitation(server, reached_at)
    for line in filter(None, (invited.note, only_local(server))):
        log.info("%s", line)
    say(invited.docker_command(shlex.quote(parsed["image"])) if parsed["docker"] else invited.command)
    return 0


def keys(settings: Settings, parsed: Parsed) -> int:
    """Print the same command and its key's age; --revoke makes a new key for it."""
    from a3c64.cli.inviting import address, invitation, only_local, serving
    from a3c64.paramserver.run_keys import RunKeys, renew
    from a3c64.vnc import password
    from a3c64.wire.keys import read

    server, reached_at = serving(settings), address(parsed["address"])
    if parsed["new"]:
        RunKeys(settings.run_dir, server.key_file).write()
        password.obtain(settings.run_dir / "keys" / "vnc")
    if parsed["revoke"]:
        former = read(server.key_file)
        new = renew(server.key_file)
        log.info("key %s is revoked, key %s is valid", former.fingerprint if former else "?", new.fingerprint)
        log.info("workers of this machine take it by themselves; give other machines the next line")
    invited = invitation(server, reached_at)
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(server.key_file.stat().st_mtime))
    fingerprint = invited.link.key.fingerprint
    log.info("the only valid key of %s is %s, made %s, in %s", settings.run_dir, fingerprint, made, server.key_file)
    for line in filter(None, (invited.note, only_local(server))):
        log.info("%s", line)
    say(invited.command)
    return 0


COMMANDS = (Command("join", join, add_join_options), Command("keys", keys, add_keys_options))
