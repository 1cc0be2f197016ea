"""A process with file systems of its own: full ones, read-only ones."""

import os
import subprocess

import pytest

UNSHARE = ["unshare", "--mount", "--map-root-user"]


def run_with_mounts(mount, *command):
    """Run `command` after the shell's `mount`, which only it sees; skip on a laptop that forbids it, fail under CI."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        message = "this machine allows no mount namespaces"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    command = [*UNSHARE, "sh", "-c", f'{mount} && exec "$@"', "sh", *map(str, command)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
