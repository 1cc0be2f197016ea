"""Computers of a test's Docker Swarm, which can lose power: engines in namespaces of this machine, on one switch."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from stack import BUILD_S, COMMAND_S, ROOT, TAKEN_OUT, run, wait_for

FOLDER = Path("/var/tmp/a3c64-swarm")  # swarm-node derives the name of the control group from it
DISK = 8 << 30  # bytes: the images are 2.7 GB, and loading them takes as much for a while
TOOLS = ("dockerd", "hostname", "ip", "nsenter", "setpriv", "unshare")
ENGINE_S = 240  # an engine starts in 3 s on an idle machine
# With a process that the kernel ends when this one ends, also by SIGKILL.
NAMESPACE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--fork", "--kill-child")


def missing() -> str:
    """Return why this machine cannot have such nodes, or an empty string."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"{', '.join(absent)} is not installed; on Debian, as root: .ci/engine start"
    if os.geteuid() != 0:
        return "the nodes of a Swarm need root"
    if shutil.disk_usage(FOLDER.parent).free < DISK:
        return f"{FOLDER.parent} has less than {DISK >> 30} GB of free space"
    probe = ["unshare", "--net", "--pid", "--mount", "--uts", "--fork"]
    probe += ["ip", "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=COMMAND_S)
    return f"this machine has no namespaces with VXLAN: {done.stderr.strip()}" if done.returncode else ""


class Node:
    """A computer with a Docker engine."""

    def __init__(self, number: int, switch: int) -> None:
        self.name = f"node{number}"
        self.address = f"10.203.0.{number}"  # in a network of the nodes alone, so it collides with nothing
        self.folder = FOLDER / self.name
        self._switch = switch  # the process that has the switch's network
        self._process: subprocess.Popen | None = None
        (self.folder / "data").mkdir(parents=True)

    def start(self) -> None:
        """Turn the computer on; return when its engine answers."""
        script = Path(__file__).with_name("swarm-node")
        words = [*NAMESPACE, "--pid", "--mount", "--uts", str(script), str(self.folder), self.address]
        self._process = _spawn(words)
        cable = ("type", "veth", "peer", "name", "card", "netns", str(self._process.pid))
        _on(self._switch, "ip", "link", "add", self.name, *cable)
        _on(self._switch, "ip", "link", "set", self.name, "master", "switch", "up")
        wait_for(f"the engine of {self.name}", self._answers, ENGINE_S)

    def lose_power(self) -> None:
        """Kill everything that runs on the computer."""
        if self._process is not None:
            _on(self._switch, "ip", "link", "delete", self.name)  # the kernel removes it too, but later
            self._process.kill()
            self._process.wait(COMMAND_S)
            self._process = None
            wait_for(f"the end of {self.name}", lambda: not _processes(self.folder), COMMAND_S)

    def docker(self, *words: str, **variables: str) -> str:
        """Run the client on this computer's engine and return its output."""
        return run("docker", "--host", f"unix://{self.folder}/docker.sock", *words, env=_others_than_ours() | variables)

    def call(self, *words: str) -> str:
        """Run a program in this computer's network and return its output."""
        assert self._process is not None
        return _on(self._process.pid, *words)

    def share_images(self, other: "Node") -> None:
        """Take the images of another computer by links to its layers, because no engine changes a layer."""
        ours, theirs = self.folder / "data", other.folder / "data"
        shutil.copytree(theirs / "image", ours / "image")
        shutil.copytree(theirs / "overlay2" / "l", ours / "overlay2" / "l", symlinks=True)
        for layer in (theirs / "overlay2").iterdir():
            if layer.name != "l":
                (ours / "overlay2" / layer.name).symlink_to(layer)

    def _answers(self) -> bool:
        try:
            return bool(self.docker("info", "--format", "{{.ID}}"))
        except (AssertionError, subprocess.TimeoutExpired):
            return False


class Nodes:
    """Computers that have the given images of the usual engine. At the end nothing of them remains."""

    def __init__(self, count: int, images: Sequence[str]) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._lock = os.open(FOLDER, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise AssertionError(f"another test uses {FOLDER}") from None
        self._switch: subprocess.Popen | None = None
        self.all: list[Node] = []
        try:
            self._remove_files()  # of a test that was killed
            self._switch = _spawn([*NAMESPACE, "sleep", "infinity"])
            _on(self._switch.pid, "ip", "link", "add", "switch", "type", "bridge")
            _on(self._switch.pid, "ip", "link", "set", "switch", "up")
            self.all = [Node(number, self._switch.pid) for number in range(1, count + 1)]
            first, *others = self.all
            first.start()
            load = f"docker save {' '.join(images)} | docker --host unix://{first.folder}/docker.sock load"
            run("bash", "-o", "pipefail", "-c", load, timeout=BUILD_S)
            first.lose_power()
            for node in others:
                node.share_images(first)
            for node in self.all:
                node.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Turn everything off and remove its files."""
        for node in self.all:
            node.lose_power()
        if self._switch is not None:
            self._switch.kill()
            self._switch.wait(COMMAND_S)
        wait_for("the end of all control groups", _remove_control_groups, COMMAND_S)
        self._remove_files()
        FOLDER.rmdir()
        os.close(self._lock)

    def _remove_files(self) -> None:
        for path in FOLDER.iterdir():
            shutil.rmtree(path)


def _others_than_ours() -> dict[str, str]:
    """Return the variables of the user's shell, without those that would change the stack."""
    return {name: value for name, value in os.environ.items() if not name.startswith(TAKEN_OUT)}


def _spawn(words: list[str]) -> subprocess.Popen:
    """Start a process with a network namespace, and return when it has it."""
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    ours = os.readlink("/proc/self/ns/net")
    wait_for("a network namespace", lambda: os.readlink(f"/proc/{process.pid}/ns/net") != ours, COMMAND_S, every=0.05)
    return process


def _on(process: int, *words: str) -> str:
    """Run a program in the network of a process."""
    return run("nsenter", "--target", str(process), "--net", *words)


def _processes(folder: Path) -> list[str]:
    """Return the numbers of the processes whose command line names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            named = os.fsencode(f"{folder}/") in path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if named:
            found.append(path.parent.name)
    return found


def _remove_control_groups() -> bool:
    """Remove the empty control groups of all containers; return whether none is left."""
    tops = [*Path("/sys/fs/cgroup").glob(FOLDER.name), *Path("/sys/fs/cgroup").glob(f"*/{FOLDER.name}")]
    for top in tops:
        for path, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(path)
            except OSError:
                return False
    return True
