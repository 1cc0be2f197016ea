"""Fixtures: Open Kart's build folder, the game compiled for the host, and a scripted driver."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for host_kart.py

from host_kart import OPEN_KART, Driver, HostKart


@pytest.fixture(scope="session")
def products() -> Path:
    """Build Open Kart; return the build folder."""
    subprocess.run(["make", "-s", "-C", OPEN_KART], check=True, timeout=120)
    return OPEN_KART / "build"


@pytest.fixture(scope="session")
def kart(products: Path) -> HostKart:
    return HostKart(products / "libopenkart-host.so")


@pytest.fixture(scope="session")
def driver(kart: HostKart) -> Driver:
    return Driver().learn(kart)
