"""Our C code on arm64: cross-compiled, run under qemu-user, and equal to this machine's to the bit.

qemu-user does not reorder memory accesses, as arm64 processors do, so these tests cannot find errors of that kind.
lockstep.h and worker/display/frame.py explain why their shared memory is read in the right order.
"""

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "agent"), str(HERE.parent / "openkart")]  # live.py, host_kart.py

from host_kart import OPEN_KART, HostKart, follow, menu_buttons  # noqa: E402
from live import need  # noqa: E402

from n64gym.games.openkart_telemetry import RACE, RESULTS, Telemetry  # noqa: E402
from n64gym.machine.shared import Control  # noqa: E402

LOCKSTEP = OPEN_KART.parent / "lockstep"
FLAGS = ("-std=gnu11", "-O3", "-Wall", "-Wextra", "-Werror", f"-I{LOCKSTEP}", "-I/usr/include/mupen64plus", "-rdynamic")


class Machine(NamedTuple):
    """How to compile and run a program for one kind of processor."""

    compiler: str
    runner: tuple[str, ...]
    kind: str  # e_machine in the ELF header of its programs, see elf.h


HOST = Machine("gcc", (), "")
ARM64 = Machine("aarch64-linux-gnu-gcc", ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"), "AArch64")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """outputs(build, input) builds a program for both kinds of processors, runs it, and returns both outputs."""
    for program in (HOST.compiler, ARM64.compiler, ARM64.runner[0]):
        need(program)

    def run(build: Callable[[Machine, Path], list[str | Path]], sent: bytes = b"") -> list[str]:
        printed = []
        for machine in (HOST, ARM64):
            command = [*machine.runner, *build(machine, tmp_path_factory.mktemp("build"))]
            done = subprocess.run(command, input=sent, capture_output=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr.decode()
            printed.append(done.stdout.decode())
        return printed

    return run


def compiled(machine: Machine, folder: Path, name: str, *others: str | Path) -> Path:
    """Compile NAME.c of this folder with other sources and libraries."""
    program = folder / name
    command = [machine.compiler, *FLAGS, HERE / f"{name}.c", *others, "-o", program]
    subprocess.run(command, check=True, timeout=120)
    kind = int.from_bytes(program.read_bytes()[18:20], "little")
    assert (kind == 183) == (machine is ARM64), "EM_AARCH64"
    return program


def made(folder: Path, build: Path, *settings: str) -> None:
    subprocess.run(["make", "-s", "-C", folder, f"BUILD={build}", *settings], check=True, timeout=120)


def test_observations_and_display_lists_are_the_same(outputs: Callable[..., list[str]]) -> None:
    sources = [LOCKSTEP / name for name in ("observe.c", "picture.c", "display_list.c")]
    here, arm64 = outputs(lambda machine, folder: [compiled(machine, folder, "pictures", *sources)])
    *observations, lists = here.splitlines()
    assert len({line.split()[-1] for line in observations}) > 80, "only blank pictures are alike"
    assert {*lists} == {"0", "1"}
    assert arm64 == here


def test_the_plugins_step_and_show_the_same(outputs: Callable[..., list[str]]) -> None:
    def build(machine: Machine, folder: Path) -> list[str | Path]:
        made(LOCKSTEP, folder, f"CC={machine.compiler}")
        plugins = [folder / "lockstep-video.so", folder / "lockstep-input.so"]
        return [compiled(machine, folder, "plugins"), *plugins, str(ctypes.sizeof(Control))]

    here, arm64 = outputs(build)
    assert len({line.split()[-1] for line in here.splitlines()}) > 250
    assert arm64 == here


@pytest.mark.parametrize(
    "wanted", [{"laps": 1}, {"mode": 1, "level": 2, "course": 4, "seed": 4711, "laps": 1, "start": 30}]
)
def test_a_race_of_open_kart_is_the_same(
    outputs: Callable[..., list[str]], tmp_path: Path, wanted: dict[str, int]
) -> None:
    made(OPEN_KART, tmp_path, "host")
    kart = HostKart(tmp_path / "libopenkart-host.so")
    words: list[int] = []
    while (now := kart.telemetry).stage != RESULTS:
        words.append(follow(now, 0.5) if now.stage == RACE else menu_buttons(now, **wanted) * (now.vis & 1))
        kart.step(words[-1])

    def build(machine: Machine, folder: Path) -> list[str | Path]:
        made(OPEN_KART, folder, "host", f"HOSTCC={machine.compiler}")
        library = folder / "libopenkart-host.so"
        return [compiled(machine, folder, "race", library, f"-Wl,-rpath,{folder}")]

    here, arm64 = outputs(build, b"".join(word.to_bytes(4, "little") for word in words))
    last = [int.from_bytes(bytes.fromhex(word), "big", signed=True) for word in here.splitlines()[-64:]]
    assert last == kart.words.tolist(), "the program plays the race that was driven"
    assert (Telemetry(*last[: len(Telemetry._fields)]).finished, now.laps_done) == (1, 1)
    assert arm64 == here


def test_a_kernel_with_larger_pages_is_refused(tmp_path: Path) -> None:
    for program in (ARM64.compiler, ARM64.runner[0]):
        need(program)
    made(LOCKSTEP, tmp_path, f"CC={ARM64.compiler}")
    program = [compiled(ARM64, tmp_path, "plugins"), tmp_path / "lockstep-video.so", tmp_path / "lockstep-input.so"]
    command = [*ARM64.runner, "-p", "65536", *program, str(ctypes.sizeof(Control))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "needs a kernel with pages of 4096 bytes" in done.stderr
    assert done.stdout == ""
