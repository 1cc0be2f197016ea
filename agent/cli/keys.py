"""`a3c64 keys`: the command with which other machines join a run, and a new key, which locks out the former."""

import argparse
import logging
import time

from a3c64.addresses import LOOPBACK, TCP, host, parse
from a3c64.cli.command import Command, Parsed
from a3c64.config import BadInputError, Settings
from a3c64.output import say

log = logging.getLogger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `keys`."""
    parser.add_argument("--revoke", action="store_true", help="make a new key; links with the former one end")
    parser.add_argument("--new", action="store_true", help="make the keys of a run that has not started yet")
    parser.add_argument("--address", metavar="HOST", help="where others reach this machine; default: its own address")


def keys(settings: Settings, parsed: Parsed) -> int:
    """Print the command with which other machines join a run; --revoke makes a new key for it."""
    from a3c64.cli.joining import invitation
    from a3c64.paramserver.run_keys import RunKeys, renew
    from a3c64.wire import server_file
    from a3c64.wire.address import key_file_in
    from a3c64.wire.keys import read

    server = server_file.read(settings.run_dir)
    given = settings.model_fields_set
    bind = server.bind if server and "bind" not in given else settings.bind
    key_file = settings.run_dir / server.key_file if server and server.key_file else key_file_in(settings)
    if "key_file" in given and settings.key_file:
        key_file = settings.key_file
    assert key_file is not None  # this command has no --no-encryption
    if not TCP.fullmatch(bind):
        raise BadInputError(f"the server listens at {bind}, which other machines cannot reach")
    try:
        reached_at = host(parsed["address"]) if parsed["address"] else ""
    except ValueError as error:
        raise BadInputError(f"--address: found {parsed['address']!r}, expected {error}") from None
    if parsed["new"]:
        RunKeys(settings.run_dir, key_file).write()
    if parsed["revoke"]:
        former = read(key_file)
        new = renew(key_file)
        log.info("key %s is revoked, key %s is valid", former.fingerprint if former else "?", new.fingerprint)
        log.info("workers of this machine take it by themselves; give other machines the next line")
    command, note = invitation(bind, key_file, reached_at)
    key = read(key_file)
    assert key is not None  # `invitation` has read it
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(key_file.stat().st_mtime))
    log.info("the only valid key of %s is %s, made %s, in %s", settings.run_dir, key.fingerprint, made, key_file)
    if note:
        log.info("%s", note)
    if (where := parse(bind.removeprefix("tcp://")).host) in (*LOOPBACK.values(), "localhost"):
        log.info("the server listens only on %s: others need a tunnel, or start it with `a3c64 train --listen`", where)
    say(command)
    return 0


COMMANDS = (Command("keys", keys, add_options),)
