"""Runs a process in a private mount namespace, for example with a full or a read-only file system."""

import os
import subprocess

import pytest

UNSHARE = ["unshare", "--mount", "--map-root-user"]


def run_with_mounts(mount, *command, **options):
    """Run the shell command `mount`, then `command`, in a private mount namespace.

    `options` go to subprocess.run. If the machine forbids namespaces, the test is skipped on a laptop and fails
    under CI.
    """
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        message = "this machine allows no mount namespaces"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    command = [*UNSHARE, "sh", "-c", f'{mount} && exec "$@"', "sh", *map(str, command)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
