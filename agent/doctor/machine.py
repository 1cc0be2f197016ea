"""Checks of the machine: processors, memory, packages, programs, ports."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from a3c64 import ports
from a3c64.addresses import parse
from a3c64.config import Settings, flag
from n64gym import Finding, check_emulator

GIB = 1 << 30
# Proportional set sizes, rounded up: server and evaluator 0.2 GB, a worker 0.6 GB and its four emulators 0.3 GB.
BASE_BYTES, WORKER_BYTES = GIB // 2, GIB
DISK_BYTES = GIB
NEEDED = ("gymnasium", "numpy", "onnxruntime", "opencv-python", "pyzmq", "pygame", "pyvirtualdisplay", "tensorboard")
TENSORFLOW = ("tensorflow-cpu", "tensorflow")  # one of them
PROGRAMS = {  # program -> its Debian package, and what needs it
    "Xvfb": ("xvfb", "screens, and pictures of games that draw with the GPU"),
    "x11vnc": ("x11vnc", "screens"),
    "ffmpeg": ("ffmpeg", "films"),
}
DOCKER_S = 10.0


def cores() -> int:
    """Return the processor cores that this process may use."""
    usable = len(os.sched_getaffinity(0))
    quota = Path("/sys/fs/cgroup/cpu.max")  # of a container, "max 100000" or "200000 100000"
    most, period = quota.read_text().split() if quota.exists() else ("max", "1")
    return usable if most == "max" else max(1, min(usable, int(most) // int(period)))


def check(settings: Settings) -> Iterator[Finding]:
    """Yield the findings about this machine."""
    yield _system()
    yield from _processors()
    yield from _space()
    yield from _packages()
    yield from _programs()
    yield from check_emulator()
    yield from _ports(settings)
    yield _docker()


def _system() -> Finding:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = "Linux"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Finding.ok("system", f"{name}, {platform.machine()}, kernel {platform.release()}, {python}")


def _processors() -> Iterator[Finding]:
    usable, load = cores(), os.getloadavg()[0]
    yield Finding.ok("processor cores", f"{usable}, so `a3c64 train --workers {usable}`")
    if load > usable / 2:
        yield Finding.note(
            "load", f"{load:.1f}: other programs are running", "run again on an idle machine for true speeds"
        )


def _space() -> Iterator[Finding]:
    free = _available_memory()
    workers = max(0, (free - BASE_BYTES) // WORKER_BYTES)
    found = f"{free / GIB:.1f} GiB available, enough for {workers} workers"
    yield Finding.ok("memory", found) if workers else Finding.fail("memory", found, "free memory: a run needs 1.5 GiB")
    for name, folder in (("temporary folder", tempfile.gettempdir()), ("working folder", ".")):
        space = shutil.disk_usage(folder).free
        found = f"{space / GIB:.1f} GiB free"
        yield (
            Finding.ok(name, found)
            if space > DISK_BYTES
            else Finding.note(name, found, "free space: runs write replays and films")
        )


def _available_memory() -> int:
    words = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(words["MemAvailable"].split()[0]) * 1024


def _packages() -> Iterator[Finding]:
    versions = {name: version for name in (*NEEDED, *TENSORFLOW) if (version := _version(name))}
    missing = [name for name in NEEDED if name not in versions]
    if not versions.keys() & set(TENSORFLOW):
        missing.append(TENSORFLOW[0])
    if missing:
        yield Finding.fail(
            "Python packages", f"missing: {', '.join(missing)}", "run `make setup`, or pip install a3c64[train]"
        )
    yield Finding.ok("Python packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _programs() -> Iterator[Finding]:
    for program, (package, use) in PROGRAMS.items():
        if shutil.which(program):
            yield Finding.ok(program, f"installed, for {use}")
        else:
            yield Finding.note(program, f"not installed; needed for {use}", f"apt-get install {package}")


def _ports(settings: Settings) -> Iterator[Finding]:
    wanted = [
        ports.Wanted("bind", *parse(settings.bind.removeprefix("tcp://"))),
        ports.Wanted("web_port", settings.web_host, settings.web_port),
        ports.Wanted("tensorboard_port", settings.tensorboard_host, settings.tensorboard_port),
    ]
    for one in wanted:
        if one.port == 0 or ports.is_free(one):
            yield Finding.ok(f"port {one.port}", f"free for {flag(one.setting)}")
        else:
            who = ports.holder(one.port) or "another program"
            yield Finding.note(
                f"port {one.port}", f"taken by {who.split(' (')[0]}", f"train with another {flag(one.setting)}"
            )


def _docker() -> Finding:
    need = "only the commands of docs/docker.md need it"
    if not shutil.which("docker"):
        return Finding.note("Docker", "not installed", need)
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOCKER_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Finding.note("Docker", f"its engine has not answered within {DOCKER_S:.0f} s", need)
    if done.returncode:
        return Finding.note("Docker", "installed, but no engine answers", need)
    return Finding.ok("Docker", f"engine {done.stdout.strip()}")
