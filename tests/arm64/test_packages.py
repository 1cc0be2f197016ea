"""requirements/apt-install takes packages that Debian lacks on arm64 from a folder that requirements/emulator fills."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which no package is installed; apt-get only writes down what it is told."""
    for name, script in {
        "dpkg-query": "exit 1",
        "apt-get": f'echo "$@" >> {tmp_path / "calls"}',
        "sudo": 'exec "$@"',
    }.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def test_a_package_of_the_folder_replaces_debians(machine: dict[str, str], tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "libmupen64plus2.deb").touch()
    (packages / "not-listed.deb").touch()
    script, asked = ROOT / "requirements" / "apt-install", ROOT / "requirements" / "apt-run.txt"
    subprocess.run([script, asked, packages], env=machine, check=True, timeout=30)
    installed = (tmp_path / "calls").read_text().splitlines()[-1].split()
    assert str(packages / "libmupen64plus2.deb") in installed
    assert "libmupen64plus2" not in installed
    assert "mupen64plus-rsp-hle" in installed
    assert not [name for name in installed if "not-listed" in name]


def test_debian_has_the_emulator_on_x86_64(tmp_path: Path) -> None:
    """On amd64 requirements/emulator makes an empty folder and asks apt-get for nothing."""
    fake = tmp_path / "dpkg"
    fake.write_text("#!/bin/sh\necho amd64\n")
    fake.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([ROOT / "requirements" / "emulator", tmp_path / "made"], env=path, check=True, timeout=30)
    assert list((tmp_path / "made").iterdir()) == []
