"""Operates a running stack from outside, as a user does: make, docker, TensorBoard's API, a VNC client."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BUILD_S = 1800  # without a build cache, on a slow network
START_S = 240  # Python, TensorFlow and eight emulators start in 15 s on two idle cores, and in minutes on busy ones
COMMAND_S = 120
# Variables of the user's shell that would change the stack.
TAKEN_OUT = ("A3C64_", "IMAGE_", "LOCAL_", "MAKE", "BASE_", "EXTRA_", "SERVER_", "WORKER_", "TMP_")
RFB_GREETING = 12  # bytes: "RFB 003.008\n", RFC 6143 section 7.1.1

T = TypeVar("T")


class Point(NamedTuple):
    """One point of a TensorBoard chart."""

    wall_time: float  # seconds since 1970, by this machine's clock
    step: int
    value: float


def run(*command: str, timeout: float = COMMAND_S, env: dict[str, str] | None = None) -> str:
    """Run a command in the repository's root and return its output. A failure's message contains the output."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, timeout=timeout, text=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def wait_for(what: str, look: Callable[[], T], seconds: float, every: float = 0.5) -> T:
    """Call `look` until its result is true; return the result. A failure's message has `what` and the last result."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}; seen last: {seen!r}")
        time.sleep(every)
    return seen


class Stack:
    """A separate Compose project, operated through the Makefile. `settings` take the place of a user's .env."""

    def __init__(self, project: str, **settings: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(TAKEN_OUT)}
        self.project = project
        self.printed: list[str] = []  # by `make up`
        self.environment = inherited | {"COMPOSE_PROJECT_NAME": project} | settings
        self.tensorboard = f"http://127.0.0.1:{settings.get('A3C64_TENSORBOARD_PORT', '12345')}"

    def make(self, *words: str, timeout: float = COMMAND_S) -> str:
        """Run a Makefile target on this project."""
        return run("make", "--no-print-directory", *words, timeout=timeout, env=self.environment)

    def remove(self) -> None:
        """Remove containers, networks and volumes."""
        self.make("down")
        volumes = run("docker", "volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={self.project}")
        if volumes:
            run("docker", "volume", "rm", "-f", *volumes.split())

    # ---- containers ----

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's running containers, the oldest first."""
        labels = (f"project={self.project}", f"service={service}")
        filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
        return run("docker", "ps", "-q", *filters).split()[::-1]

    def server(self) -> str:
        """Return the id of the parameter server's container."""
        [container] = self.containers("paramserver")
        return container

    def everything(self) -> list[str]:
        """Return the ids of all running containers."""
        return [c for service in ("paramserver", "worker", "evaluator") for c in self.containers(service)]

    def exit_codes(self) -> set[str]:
        """Return the exit codes of all containers that have ended."""
        label = f"label=com.docker.compose.project={self.project}"
        ended = run("docker", "ps", "-aq", "--filter", label, "--filter", "status=exited").split()
        return {run("docker", "inspect", "-f", "{{.State.ExitCode}}", container) for container in ended}

    def logs(self) -> str:
        """Return the last lines of every container's log, including stopped ones."""
        label = f"label=com.docker.compose.project={self.project}"
        names = run("docker", "ps", "-a", "--filter", label, "--format", "{{.Names}}").split()
        return "\n".join(f"--- {name}\n{run('sh', '-c', f'docker logs --tail 40 {name} 2>&1')}" for name in names)

    # ---- training ----

    def status(self) -> dict[str, Any]:
        """Return the output of `a3c64 status --json`; {} while the server does not answer."""
        try:
            return json.loads(run("docker", "exec", self.server(), "a3c64", "status", "--json"))
        except (AssertionError, ValueError):
            return {}

    def scalars(self, tag: str) -> list[Point]:
        """Return a chart's points from TensorBoard's HTTP API; [] while it does not answer or has no such chart."""
        query = urllib.parse.urlencode({"tag": tag, "run": "."})
        try:
            with urllib.request.urlopen(f"{self.tensorboard}/data/plugin/scalars/scalars?{query}", timeout=10) as reply:
                return [Point(*row) for row in json.load(reply)]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return []

    def step(self) -> int:
        """Return the run's environment steps at the chart's last point; 0 before the first point."""
        points = self.scalars("time/total_timesteps")
        return int(points[-1].value) if points else 0

    def wait_for_progress(self, beyond: int, seconds: float) -> int:
        """Wait until the chart has more than `beyond` environment steps; return the number of steps."""
        return wait_for(f"more than {beyond} steps", lambda: max(0, self.step() - beyond), seconds) + beyond

    def wait_for_training(self, count: int, seconds: float) -> None:
        """Wait until exactly `count` workers have shared a gradient."""

        def learning() -> bool:
            return sum(worker["steps"] > 0 for worker in self.status().get("workers", [])) == count

        wait_for(f"{count} workers that train", learning, seconds)

    def wait_for_workers(self, count: int, since: float, seconds: float) -> float:
        """Wait until workers/alive has a point of `count` after `since`; return the seconds from `since` to it."""

        def charted() -> list[Point]:
            return [p for p in self.scalars("workers/alive") if p.wall_time >= since and p.value == count]

        return wait_for(f"workers/alive = {count}", charted, seconds)[0].wall_time - since

    def wait_for_replays(self, seconds: float) -> None:
        """Wait until the web page lists a replay."""
        wait_for("a replay on the page", lambda: json.loads(self.page("/recordings.json"))["count"], seconds)

    # ---- VNC ----

    def vnc(self, worker: str) -> int:
        """Return the port on this machine that shows a worker's screen."""
        return int(run("docker", "port", worker, "5900/tcp").rsplit(":", 1)[1])

    def password(self) -> str:
        """Return the VNC password of the workers' screens."""
        return run("docker", "exec", self.server(), "a3c64", "watch", "--show-password")

    def greeting(self, worker: str) -> bytes:
        """Return the first bytes that the VNC server sends; empty while it is not up."""
        try:
            with socket.create_connection(("127.0.0.1", self.vnc(worker)), timeout=10) as connection:
                return connection.recv(RFB_GREETING, socket.MSG_WAITALL)
        except OSError:
            return b""

    def page(self, path: str) -> bytes:
        """Return the web page server's answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:6080{path}", timeout=10) as reply:
            return reply.read()

    def greeting_on_page(self, token: str) -> bytes:
        """Return the first bytes that the VNC server of a token sends through the web page; empty if there are none."""
        lines = [f"GET /screen?token={token} HTTP/1.1", "Host: 127.0.0.1:6080", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: binary"]
        request = "\r\n".join([*lines, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""])
        try:
            with socket.create_connection(("127.0.0.1", 6080), timeout=10) as connection:
                connection.sendall(request.encode())
                answer = connection.makefile("rb")
                if b" 101 " not in answer.readline():
                    return b""
                while answer.readline().strip():
                    continue
                return answer.read(2 + RFB_GREETING)[2:]  # without the frame's two header bytes, RFC 6455 section 5.2
        except OSError:
            return b""

    def vncdo(self, worker: str, *commands: str) -> None:
        """Send commands to a worker's screen with a real VNC client."""
        program = Path(sys.executable).parent / "vncdotool"
        server = ("-s", f"127.0.0.1::{self.vnc(worker)}", "-p", self.password())
        run(str(program), "-t", "30", *server, *commands, timeout=40)

    def screenshots(self, worker: str, files: Iterable[Path], pause: float) -> list[np.ndarray]:
        """Return pictures of a worker's screen, taken `pause` seconds apart: uint8 [H, W, 3], BGR."""
        files = list(files)
        commands = [word for file in files for word in ("capture", str(file), "pause", str(pause))]
        self.vncdo(worker, *commands[:-2])
        return [cv2.imread(str(file)) for file in files]
