"""A client process of a simulated run: a worker or an evaluator."""

from typing import TYPE_CHECKING, Any

import numpy as np
from simulated_ledger import STEPS, digest
from simulated_network import ClientTransport
from simulated_world import Stop, Task

from a3c64.envs.episode import Episode
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.wire import messages as wire
from a3c64.wire.client import Client, StoppedError, Update
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.heartbeat import HEARTBEAT_S

if TYPE_CHECKING:
    from simulated_run import SimulatedRun

SPECS = [ParameterSpec("w", (3, 2), 1.0), ParameterSpec("b", (2,), 0.0)]


class SimulatedWorker:
    """A worker or evaluator process, with its requests and its separate heartbeat."""

    def __init__(self, run: "SimulatedRun", name: str, index: int) -> None:
        self.run, self.name = run, name
        self.stop = Stop(run.world)
        self.accepted_at = run.world.now
        self._transport = ClientTransport(run.network, name)
        self._beats = ClientTransport(run.network, f"{name}'s heartbeat")
        kind = Client if index >= 0 else EvaluatorClient
        self._compresses = index % 2 == 1
        self._client: Any = kind(self._transport, name, name, self.stop, index=index, compress=self._compresses)
        self._former = np.zeros(8, np.float32)  # the weights before the newest ones
        self.task = self._transport.task = Task(run.world, name, self._work if index >= 0 else self._evaluate)
        run.world.after(HEARTBEAT_S, self._beat)

    def die(self) -> None:
        self.task.kill()
        self._gone()

    def _gone(self) -> None:
        self._transport.close()
        self._beats.close()

    def _beat(self) -> None:
        if self.task.ended or self.task.killed:
            return
        if self.run.world.now >= self.task.paused_until:
            self._beats.send(wire.encode(0, wire.Beat(self.name, "")))
        self.run.world.after(HEARTBEAT_S, self._beat)

    def _work(self) -> None:
        world, ledger, client = self.run.world, self.run.ledger, self._client
        try:
            client.hello()
            update = client.join(SPECS)
            while not self.stop.is_set():
                self._check(update)
                server, before = self.run.server, update.version
                self.stop.wait(world.random.choice([0.2, 0.5, 1.5]))
                gradient = self.run.gradient()
                if self._compresses:
                    gradient[:] = gradient[0]  # equal numbers are hardly changed by compression, so they identify it
                update = client.push(gradient, signature(SPECS), update.version, STEPS, {}, [Episode(1.0, STEPS, {})])
                if self.run.server is server:
                    ledger.check(update.version >= before, f"{self.name}: version {update.version} after {before}")
                if update.accepted:
                    number = int(gradient[0])
                    ledger.check(number in ledger.applied, f"gradient {number} is acknowledged but was not applied")
                    ledger.acknowledged.add(number)
                    self.accepted_at = world.now
            client.close()
        except StoppedError:
            return

    def _check(self, update: Update) -> None:
        """Check that the newest weights existed, and that the server knows exactly what a compressing client holds."""
        if not self._compresses:
            return self.run.ledger.update(self.name, update)
        # A rounding error is half a code's step at most. The largest change has the code 7 and no error.
        largest = float(np.abs(update.weights - self._former).max())
        self.run.ledger.update(self.name, update, largest / 13.9 + 1e-6)
        self._former = update.weights
        member = self.run.server.service.roster.get(self.name)
        if member is not None and member.held is not None and member.held.sequence == self._client._base:
            same = np.array_equal(member.held.weights, update.weights)
            self.run.ledger.check(same, f"{self.name} holds other weights than the server thinks")

    def _evaluate(self) -> None:
        world, ledger, client = self.run.world, self.run.ledger, self._client
        try:
            client.hello()
            scored = None
            while not self.stop.is_set():
                update = client.pull()
                self.stop.wait(world.random.uniform(0.5, 3.0))
                if update is None or (update.version, update.step) == scored:
                    continue
                ledger.update(self.name, update)
                reward = self.run.improvement * len(ledger.scores) + world.random.randrange(64)
                while reward in ledger.scores:  # a score must identify its weights
                    reward += 0.125
                ledger.scores[reward] = digest(update.weights)
                if client.score(update, [Episode(reward, 10, {})]):
                    ledger.best_noted = max(ledger.best_noted, reward)
                    scored = (update.version, update.step)
            client.close()
        except StoppedError:
            return
