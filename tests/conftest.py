"""Test ROMs, built from source; and what to do where the machine lacks a part."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def need(program: str) -> None:
    """Skip on a laptop without `program`, fail under CI=true."""
    if shutil.which(program) is None:
        message = f"{program} is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(scope="session")
def rom() -> Callable[[str], Path]:
    """rom("pad") is the path of the ROM built from tests/roms/pad.S."""
    need("mips64-linux-gnuabi64-gcc")
    subprocess.run(["make", "-s", "-C", TESTS / "roms"], check=True, timeout=60)
    return lambda name: TESTS / "roms" / "build" / f"{name}.z64"
