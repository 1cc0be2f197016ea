"""Compile the emulator's plugins and Open Kart when a wheel is built, where the compilers are; setuptools runs this."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
COMPILERS = ("make", "gcc", "mips64-linux-gnuabi64-gcc")
PRODUCTS = ("openkart.z64", "lockstep-video.so", "lockstep-input.so")


class BuildNative(build_py):
    """Builds n64gym/data before it is collected. Without compilers the wheel has no emulator, and says so."""

    def run(self) -> None:
        """Compile, then collect the Python files and data."""
        missing = [name for name in COMPILERS if shutil.which(name) is None]
        sources = (HERE.parent / "Makefile").exists()  # not where only this folder and its data were copied to
        if sources and not missing:
            subprocess.run(["make", "-s", "-C", str(HERE.parent)], check=True, stdout=sys.stderr)
        elif not all((HERE / "data" / name).exists() for name in PRODUCTS):
            print(
                f"n64gym is built without an emulator: {', '.join(missing) or 'its sources'} not found; "
                "install the packages of requirements/apt-build.txt for N64 games",
                file=sys.stderr,
            )
        super().run()


class PlatformWheel(bdist_wheel):
    """A wheel for this kind of machine and any Python 3, as it carries compiled plugins."""

    def finalize_options(self) -> None:
        """Have setuptools take it as one with compiled modules, though the plugins are data to it."""
        self.distribution.has_ext_modules = lambda: True
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform of the wheel."""
        return "py3", "none", super().get_tag()[2]
