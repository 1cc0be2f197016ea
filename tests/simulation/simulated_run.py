"""Simulates runs in one process from a seed: the real server and the real clients in a world with faults.

python tests/simulation/simulated_run.py HISTORIES [FIRST_SEED] prints each history that breaks an invariant.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import zmq
from simulated_disk import Disk
from simulated_ledger import STEPS, Broken, Ledger, digest
from simulated_network import Faults, Network, Router
from simulated_worker import SimulatedWorker
from simulated_world import Stop, Task, World

from a3c64 import files
from a3c64.config import Settings
from a3c64.paramserver import server as server_module
from a3c64.paramserver.running_clock import RunningClock
from a3c64.policy import checkpoint
from a3c64.wire import client as client_module

HEALED_S = 16.0  # time to recover after the last fault
SAVE_SLACK_S = 0.5  # longest delay of a due checkpoint: a tick of the server and the messages in it
RESTART_S = 1.0


class SimulatedRun:
    """One simulated run; its history depends only on the seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.world = world = World(seed)
        self.network = Network(world)
        self.ledger = Ledger(world)
        draw = world.random
        self.disk = Disk(world, folder, self._server_dies)
        self.improvement = draw.choice([0.0, 0.0, 8.0])  # of the mean return from one evaluation to the next
        self.interval = draw.choice([1.0, 2.0, 5.0])
        self.settings = Settings(
            run_dir=folder / "run", checkpoint_interval=self.interval, keep_checkpoints=draw.choice([1, 2, 3]),
            status_interval=3600.0, no_encryption=True, tensorboard_port=0, web_port=0, eval_interval=1.0,
            t_max=STEPS, envs_per_worker=1, max_gradient_norm=1e9,  # the first number of a gradient identifies it
        )  # fmt: skip
        self.server: Any = None
        self.server_task: Task | None = None
        self.stop = Stop(world)
        self.jump_s = 0.0  # offset of all monotonic clocks, from suspensions of the machine
        self.ending = False
        self.died_at = self.paused_s = 0.0  # time of death, and total pause, of the newest server that served
        self.serving = False  # a server that dies before it serves loses nothing
        self.disk_was_full = False  # at any time since the server's start
        self._names = 0
        self._gradients = 0
        self.workers: list[SimulatedWorker] = []
        self.evaluator: SimulatedWorker | None = None

    # The processes' view of the world.

    def clock(self) -> float:
        return self.world.now + self.jump_s

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Replace the clock, network and disk of the server's and the clients' modules by the world's."""
        sockets = SimpleNamespace(instance=lambda: SimpleNamespace(socket=lambda kind: Router(self.network)))
        shim = SimpleNamespace(**{name: getattr(zmq, name) for name in dir(zmq) if not name.startswith("_")})
        shim.Context = sockets
        lock = SimpleNamespace(holder=lambda run_dir: "", RunLock=lambda *_: mock.Mock())
        clock = SimpleNamespace(monotonic=self.clock)
        with ExitStack() as stack:
            for target, name, value in (
                (server_module, "zmq", shim),
                (server_module, "configure", lambda socket: None),
                (server_module, "run_lock", lock),
                (server_module, "Admission", mock.Mock()),
                (server_module, "Incoming", lambda router, service: router),
                (server_module, "EventFile", mock.Mock()),
                (server_module, "RunningClock", lambda: RunningClock(self.clock)),
                (server_module, "sender", lambda connection: "127.0.0.1"),
                (server_module, "POLL_MS", int(1000 * server_module.TICK_S)),  # avoids idle wake-ups
                (client_module, "SLICE_S", client_module.ANSWER_S),
                (client_module, "time", clock),
                (files, "os", self.disk),
            ):
                stack.enter_context(mock.patch.object(target, name, value))
            yield

    # The server.

    def start_server(self) -> None:
        if self.server_task is None or self.server_task.ended or self.server_task.killed:
            self.world.note("the server starts")
            self.server_task = Task(self.world, "server", self._serve)

    def _serve(self) -> None:
        server = server_module.Server(self.settings, "simulated")
        weights, folder = server.service.weights, server._folder
        if weights.known:
            stale = server.service.metrics.refused["stale"]
            self.ledger.resumed(weights.version, weights.step, stale, weights.vector, self._durable_since())
        else:
            self.ledger.check(self.ledger.promised == 0, "a saved run begins again from the start")
            self.ledger.lineage.clear()
            self.ledger.digests.clear()
        scored = server.service.evaluations.best
        best = float("-inf") if scored is None else scored.mean_reward
        self.ledger.check(
            scored is None or best in self.ledger.scores, f"best/ has a score of {best}, which no evaluator sent"
        )
        if self.disk_was_full:  # a server that is killed while its disk is full may lose a best score
            self.ledger.best_noted = min(self.ledger.best_noted, best)
        self.ledger.check(best >= self.ledger.best_noted, f"best/ has {best}, but {self.ledger.best_noted} was noted")
        self.disk_was_full, self.paused_s = self.disk.full, 0.0
        begin, apply, go_back, save = weights.begin, weights.apply, weights.go_back, folder.save

        def began(specs: Any) -> None:
            begin(specs)
            self.ledger.begun(weights.vector)

        def applied(gradient: np.ndarray, steps: int) -> None:
            apply(gradient, steps)
            stale = server.service.metrics.refused["stale"]
            self.ledger.apply(round(float(gradient[0])), weights.version, weights.step, stale, weights.vector)

        def went_back(best: Any) -> None:
            go_back(best)
            self.ledger.went_back(weights.version, weights.vector)

        def saved(snapshot: Any) -> bool:
            done = save(snapshot)
            if done:
                self.ledger.promised = snapshot.version
            else:
                self.world.note("a checkpoint could not be written")
            return done

        weights.begin, weights.apply, weights.go_back, folder.save = began, applied, went_back, saved
        self.server, self.serving = server, True
        server.serve(self.stop)
        self.world.note("the server has ended")

    def _durable_since(self) -> float:
        """Return the latest possible due time of the dead server's newest checkpoint."""
        if self.disk_was_full:
            return float("-inf")
        return self.died_at - self.interval - self.paused_s - SAVE_SLACK_S

    def kill_server(self) -> None:
        task = self.server_task
        if task is not None and not task.ended and not task.killed:
            self.world.note("the server is killed")
            self._server_dies()
            task.kill()

    def _server_dies(self) -> None:
        task = self.server_task
        assert task is not None
        if task is self.world.running:
            task.killed = True
        if self.serving:
            self.died_at, self.serving = self.world.now, False
        self.network.router = None
        self.network.cut_all()
        self.world.after(RESTART_S, self.start_server)

    # Workers and the evaluator.

    def start_worker(self, index: int) -> None:
        self.workers[index : index + 1] = [SimulatedWorker(self, self._name("worker"), index)]

    def start_evaluator(self) -> None:
        self.evaluator = SimulatedWorker(self, self._name("evaluator"), -1)

    def _name(self, role: str) -> str:
        self._names += 1
        return f"{role}{self._names}"

    def gradient(self) -> np.ndarray:
        """Return a gradient whose first number identifies it."""
        self._gradients += 1
        vector = self.world.random.choices([-1.0, 1.0, 0.5], k=8)
        return np.array([self._gradients, *vector[1:]], np.float32)

    # The history.

    def play(self) -> None:
        """Run the simulation and check the invariants.

        Raises:
            Broken: an invariant does not hold.
        """
        with self.patched():
            try:
                self._play()
            finally:
                for worker in [*self.workers, self.evaluator]:
                    if worker is not None:
                        worker.task.kill()
                if self.server_task is not None:
                    self.server_task.kill()

    def _play(self) -> None:
        world, draw, network = self.world, self.world.random, self.network
        self.start_server()
        for index in range(draw.randint(1, 3)):
            self.start_worker(index)
        if world.chance(0.7):
            self.start_evaluator()
        network.faults = Faults(
            drop=draw.choice([0.0, 0.0, 0.02, 0.1]), late=draw.choice([0.0, 0.0, 0.05, 0.2]),
            late_s=draw.choice([0.5, 9.0]),
            double=draw.choice([0.0, 0.0, 0.1]), alter=draw.choice([0.0, 0.0, 0.03]), cut=draw.choice([0.0, 0.0, 0.02]),
        )  # fmt: skip
        world.note(f"{network.faults}, a checkpoint every {self.interval} s")
        last = draw.uniform(10.0, 30.0)
        for _ in range(draw.randint(0, 6)):
            fault = draw.choice([
                self.kill_server, self._power_fails, self._disk_is_full, self._pause_server, self._suspend,
                self._kill_worker, self._pause_worker, network.cut_all,
            ])  # fmt: skip
            world.at(draw.uniform(0.5, last), fault)
        world.run(last)
        world.note("all faults end")
        network.faults, self.disk.full, self.disk.crash_in = Faults(), False, None
        for task in [self.server_task, *(worker.task for worker in self.workers)]:
            if task is not None:
                task.paused_until = min(task.paused_until, world.now)
        world.run(last + HEALED_S)
        for worker in self.workers:
            late = world.now - worker.accepted_at
            self.ledger.check(late < 10.0, f"{worker.name} has had no gradient accepted for {late:.1f} s")
        self._finish()

    def _finish(self) -> None:
        """Stop workers, evaluator and server. The disk must then have the state that was last in memory."""
        self.ending = True
        for worker in [*self.workers, self.evaluator]:
            if worker is not None:
                worker.stop.set()
        self.world.run(self.world.now + 6.0)
        self.stop.set()
        self.world.run(self.world.now + 1.0)
        ledger, run = self.ledger, self.settings.run_dir
        ledger.check(self.server_task is not None and self.server_task.ended, "the server does not end")
        newest = checkpoint.newest(run / checkpoint.CHECKPOINTS)
        ledger.check(
            newest is not None and newest.version == len(ledger.lineage), "the last save is not the newest state"
        )
        assert newest is not None
        ledger.check(digest(newest.weights) == ledger.digests[newest.version], "the last save has other weights")
        if ledger.best_noted > float("-inf"):
            best = checkpoint.newest(run / checkpoint.BEST)
            reward = best.score["mean_reward"] if best and best.score else None
            ledger.check(reward is not None and reward >= ledger.best_noted,
                         f"best/ has a score of {reward}, but one of {ledger.best_noted} was noted")  # fmt: skip
            ledger.check(digest(best.weights) == ledger.scores[reward], "best/ has other weights than the scored ones")

    # Faults.

    def _power_fails(self) -> None:
        self.disk.crash_in = self.world.random.randint(1, 12)

    def _disk_is_full(self) -> None:
        seconds = self.world.random.uniform(0.5, 10.0)
        self.world.note(f"the disk is full for {seconds:.1f} s")
        self.disk.full = True
        self.world.after(seconds, lambda: setattr(self.disk, "full", False))
        self.disk_was_full = True

    def _pause_server(self) -> None:
        seconds = self.world.random.choice([0.5, 3.0, 12.0])
        if self.server_task is not None:
            self.world.note(f"the server is paused for {seconds} s")
            self.server_task.pause(seconds)
            self.paused_s += seconds

    def _suspend(self) -> None:
        self.jump_s += self.world.random.choice([1.0, 10.0, 1000.0])
        self.world.note("the machine was suspended")

    def _kill_worker(self) -> None:
        index = self.world.random.randrange(len(self.workers))
        self.world.note(f"{self.workers[index].name} is killed")
        self.workers[index].die()
        self.world.after(RESTART_S, lambda: self.start_worker(index))

    def _pause_worker(self) -> None:
        worker = self.world.random.choice(self.workers)
        self.world.note(f"{worker.name} is paused")
        worker.task.pause(self.world.random.choice([1.0, 8.0]))


def play(seed: int) -> list[str]:
    """Simulate the run of a seed and return its history.

    Raises:
        Broken: an invariant does not hold. The message contains the history.
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="a3c64-simulation-") as folder:
        run = SimulatedRun(seed, Path(folder))
        try:
            run.play()
        except Exception as error:
            history = "\n".join(run.world.history)
            raise Broken(f"seed {seed}: {type(error).__name__}: {error}\n{history}") from error
        return run.world.history


def main() -> int:
    """Simulate runs; print the histories that break an invariant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", type=int)
    parser.add_argument("first", type=int, nargs="?", default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    broken, begin = [], time.monotonic()
    for seed in range(options.first, options.first + options.histories):
        try:
            play(seed)
        except Broken as error:
            broken.append(seed)
            print(f"{error}\n", flush=True)
    print(f"{options.histories} histories in {time.monotonic() - begin:.0f} s, broken: {broken or 'none'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
