"""A run on a Docker Swarm, operated as docs/machines.md says."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from stack import ROOT, run, wait_for
from swarm_nodes import Node, Nodes

STACK = "a3c64"
# Fast to start and light, so that two cores can run three engines, the server, three workers and the evaluator.
SETTINGS = {
    "A3C64_ENV_ID": "CartPole-v1",
    "A3C64_ENVS_PER_WORKER": "1",
    "A3C64_CHECKPOINT_INTERVAL": "10",
    "A3C64_EVAL_INTERVAL": "600",
}


class Task(NamedTuple):
    """A container that Swarm runs, or has run."""

    id: str
    node: str  # its name; empty while there is no suitable node
    state: str  # such as Running


class Swarm:
    """Three nodes: the first manages the Swarm, the second has the run's volume."""

    def __init__(self, nodes: Nodes, folder: Path) -> None:
        self.manager, self.home, self.third = self.nodes = nodes.all
        self._folder = folder
        self._turned_on = 0.0  # when a node was turned on last; a report before that is of a former server
        self.manager.docker("swarm", "init", "--advertise-addr", self.manager.address)
        token = self.manager.docker("swarm", "join-token", "--quiet", "worker")
        for node in self.nodes[1:]:
            node.docker("swarm", "join", "--token", token, f"{self.manager.address}:2377")
        self.manager.docker("node", "update", "--label-add", "a3c64=server", self.home.name)
        shutil.copytree(ROOT / "deploy" / "swarm", folder, ignore=shutil.ignore_patterns("keys"))
        run(str(Path(sys.executable).parent / "a3c64"), "keys", "--new", "--run-dir", str(folder))

    def deploy(self, workers: int, **more: str) -> None:
        """Deploy the stack with the run's settings and `more` of them."""
        lines = [f"{name}={value}\n" for name, value in (SETTINGS | more).items()]
        (self._folder / "run.env").write_text("".join(lines))
        words = ("stack", "deploy", "--resolve-image", "never", "-c", str(self._folder / "stack.yml"), STACK)
        # Two nodes of two cores have room for three workers that reserve a quarter of a core each.
        self.manager.docker(*words, WORKERS=str(workers), WORKER_CPUS="0.25")

    def scale(self, workers: int) -> None:
        """Change the number of workers."""
        self.manager.docker("service", "scale", "--detach", f"{STACK}_worker={workers}")

    def running(self, service: str) -> set[str]:
        """Return the ids of a service's tasks that run."""
        return {task.id for task in self.tasks(service) if task.state == "Running"}

    def tasks(self, service: str, ended: bool = False) -> list[Task]:
        """Return the tasks of a service that Swarm wants to run; with `ended`, those it does not want any more too."""
        words = ("service", "ps", "--no-trunc", *(() if ended else ("--filter", "desired-state=running")), "--format")
        rows = self.manager.docker(*words, "{{.ID}}|{{.Node}}|{{.CurrentState}}", f"{STACK}_{service}").splitlines()
        return [Task(id, node, state.split()[0]) for id, node, state in (row.split("|") for row in rows)]

    def is_ready(self, node: Node) -> bool:
        """Return whether the manager takes the node for ready."""
        try:
            return self.manager.docker("node", "inspect", "--format", "{{.Status.State}}", node.name) == "ready"
        except AssertionError:  # the manager has just been turned on
            return False

    def turn_on(self, node: Node) -> None:
        """Turn a node on that has lost power."""
        self._turned_on = time.time()
        node.start()

    # ---- the run ----

    def server(self) -> str:
        """Return the id of the server's container; empty if none runs."""
        service = f"label=com.docker.swarm.service.name={STACK}_paramserver"
        return self.home.docker("ps", "--quiet", "--filter", service)

    def server_log(self) -> str:
        """Return the log of the server's container."""
        return _all_output(self.home, f"logs {self.server()}")

    def in_server(self, *words: str) -> str:
        """Run a command in the server's container and return its output; empty while it cannot be run."""
        try:
            return self.home.docker("exec", self.server(), *words)
        except (AssertionError, subprocess.TimeoutExpired):
            return ""

    def status(self) -> dict[str, Any]:
        """Return the server's report for its page, which it writes once a second; {} while it does not run."""
        try:
            report = json.loads(self.in_server("cat", "/data/web/run.json"))
        except ValueError:
            return {}
        return report if report["at"] > self._turned_on else {}

    def steps(self) -> int:
        """Return the run's environment steps; 0 while the server does not run."""
        return self.status().get("steps", 0)

    def wait_for_steps(self, beyond: int, seconds: float) -> int:
        """Wait until the run has more than `beyond` steps; return their number."""
        return wait_for(f"more than {beyond} steps", lambda: max(0, self.steps() - beyond), seconds) + beyond

    def wait_for_training(self, workers: int, seconds: float) -> None:
        """Wait until exactly so many workers are connected, and each has shared a gradient."""

        def learning() -> bool:
            steps = [worker["steps"] for worker in self.status().get("workers", [])]
            return len(steps) == workers and all(steps)

        wait_for(f"{workers} workers that train", learning, seconds)

    def newest_checkpoint(self) -> int:
        """Return the step of the newest checkpoint; 0 if there is none."""
        listed = self.in_server("ls", "/data/checkpoints")
        return max((int(step) for step in re.findall(r"step_(\d+)", listed)), default=0)

    def page(self, path: str, viewer: Node) -> str:
        """Return what a node gets from the server's page; empty while nothing answers."""
        read = "import sys, urllib.request as web; print(web.urlopen(sys.argv[1], timeout=30).read().decode())"
        try:
            return viewer.call(sys.executable, "-c", read, f"http://{self.home.address}:{path}")
        except (AssertionError, subprocess.TimeoutExpired):
            return ""

    def logs(self) -> str:
        """Return the tasks and the last lines of each service, for a failed test."""
        services = [f"{STACK}_{name}" for name in ("paramserver", "worker", "evaluator")]
        commands = ["node ls", f"stack ps --no-trunc {STACK}", *[f"service logs --tail 30 {name}" for name in services]]
        found = []
        for command in commands:
            try:
                found.append(_all_output(self.manager, command))
            except (AssertionError, subprocess.TimeoutExpired) as error:
                found.append(str(error))
        return "\n".join(found)


def _all_output(node: Node, command: str) -> str:
    """Return what the client prints, also on its standard error, where it prints a container's log."""
    return run("sh", "-c", f"docker --host unix://{node.folder}/docker.sock {command} 2>&1")
