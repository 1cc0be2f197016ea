"""Compiles the emulator's plugins and Open Kart when setuptools builds a wheel, if there are compilers."""

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
COMPILERS = ("make", "gcc", "mips64-linux-gnuabi64-gcc")
PRODUCTS = ("openkart.z64", "lockstep-video.so", "lockstep-input.so", "lockstep-system.so", "lockstep-rsp.so")


class BuildNative(build_py):
    """Builds n64gym/data before setuptools collects it. Without compilers, it warns and the wheel has no emulator."""

    def run(self) -> None:
        """Compile, then collect the Python files and the data."""
        missing = [name for name in COMPILERS if shutil.which(name) is None]
        sources = (HERE.parent / "Makefile").exists()  # False where only this folder and its data were copied
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
    """Marks the wheel as specific to the platform (it has compiled plugins) but not to a version of Python 3."""

    def finalize_options(self) -> None:
        """Mark the wheel as not pure, because setuptools sees the compiled plugins as data."""
        self.distribution.has_ext_modules = lambda: True
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        """Return the wheel's tags for Python, ABI and platform."""
        return "py3", "none", super().get_tag()[2]
