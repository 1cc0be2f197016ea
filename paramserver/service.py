"""What the parameter server answers to each message; no socket, no file, so that tests can ask it in one process."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from agent import wire
from agent.parameters import signature
from agent.timings import Timings
from paramserver.metrics import Metrics
from paramserver.roster import Member, Roster
from paramserver.weights import SharedWeights

SECTIONS = ("idle", "decode", "apply", "answer", "checkpoint", "report")  # of the server's time
MAX_STEPS = 1_000_000  # environment steps in one push; more is a mistake


class RefusalError(Exception):
    """A message is not acted on."""

    def __init__(self, kind: str, remedy: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind  # what the refusal is counted under
        self.remedy = remedy  # see wire.Refused


class Service:
    """Shared weights, the roster and the metrics behind one `handle`."""

    def __init__(
        self, weights: SharedWeights, run: str, facts: dict, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.weights = weights
        self.roster = Roster(clock)
        self.metrics = Metrics()
        self.timings = Timings(SECTIONS)
        self._run = run
        self._facts = facts  # told in every report: process id, addresses

    def handle(self, identity: bytes, frames: Sequence[bytes | memoryview]) -> list[bytes | memoryview] | None:
        """Act on one message and return the frames of the answer, if it wants one."""
        sequence = 0
        try:
            try:
                message = wire.decode(frames)
                sequence = message.sequence
                return self._dispatch(identity.decode("utf-8", "replace"), message)
            except wire.WireError as error:
                raise RefusalError("malformed", "none", str(error)) from None
        except RefusalError as refusal:
            self.metrics.refused[refusal.kind] += 1
            return wire.encode(sequence, wire.Refused(refusal.remedy, str(refusal)[:512]))

    def report(self) -> dict:
        """Return how the run is doing, for people and health checks."""
        w, m = self.weights, self.metrics
        return {
            **self._facts,
            "run": self._run,
            "env_id": w.hyperparameters.env_id,
            "steps": w.step,
            "steps_per_s": round(m.fps, 1),
            "updates": w.version,
            "finished": w.finished,
            "episodes": m.episodes,
            "workers": [
                {"index": x.index, "name": x.name, "steps": x.steps, "staleness": x.staleness}
                for x in self.roster.members()
            ],
            "joined": self.roster.joined,
            "lost": self.roster.lost,
            "refused": dict(m.refused),
            "staleness": m.staleness_figures(),
            "means": m.rollout(),
            "best": {name: list(pair) for name, pair in m.best.items()},
        }

    def scalars(self) -> dict[str, float]:
        """Return one TensorBoard point of every tag."""
        return {
            **self.metrics.rollout(),
            **self.metrics.drain_training(),
            "train/learning_rate": self.weights.learning_rate,
            **{f"time/server_{section}": share for section, share in self.timings.drain().items()},
            "time/fps": self.metrics.fps,
            "time/total_timesteps": float(self.weights.step),
            "workers/alive": float(len(self.roster)),
            "workers/joined": float(self.roster.joined),
            "workers/lost": float(self.roster.lost),
            "workers/refused": float(self.metrics.refused.total()),
        }

    def _dispatch(self, client: str, message: wire.Message) -> list[bytes | memoryview] | None:
        body = message.body
        if isinstance(body, wire.Push):
            return self._push(self._member(client, message), message, body)
        if isinstance(body, wire.Beat):
            self.roster.get(body.client)
            return None
        if isinstance(body, wire.Hello):
            return self._hello(client, message, body)
        if isinstance(body, wire.Join):
            return self._join(self._member(client, message), message, body)
        if isinstance(body, wire.Bye):
            member = self.roster.leave(client)
            if member is not None:
                print(f"worker {member.index} ({member.name}) left", flush=True)
            return None
        if isinstance(body, wire.Ask):
            return wire.encode(message.sequence, wire.Report(self.report()))
        raise RefusalError("malformed", "none", f"{type(body).__name__.lower()} is no message for a server")

    def _member(self, client: str, message: wire.Message) -> Member:
        member = self.roster.get(client)
        if member is None:
            raise RefusalError("unknown", "hello", "the server does not know you: say hello")
        if message.sequence <= member.sequence:
            raise RefusalError("repeated", "join", f"sequence {message.sequence} after {member.sequence}")
        member.sequence = message.sequence
        return member

    def _hello(self, client: str, message: wire.Message, body: wire.Hello) -> list[bytes | memoryview]:
        if body.client != client or not client.isalnum():
            raise RefusalError("malformed", "none", "hello.client is not the sender's identity")
        known = self.roster.get(client) is not None
        name = "".join(c for c in body.name if c.isprintable())[: wire.MAX_NAME]
        member = self.roster.greet(client, name, body.worker)
        if not known:
            print(f"worker {member.index} ({member.name}) joined", flush=True)
        run = self.weights.hyperparameters.model_dump()
        return wire.encode(message.sequence, wire.Welcome(member.index, self._run, run))

    def _join(self, member: Member, message: wire.Message, body: wire.Join) -> list[bytes | memoryview]:
        specs = wire.unpack_specs(body.specs)
        if not self.weights.known:
            self.weights.begin(specs)
            print(f"a new run: {len(specs)} parameters, {self.weights.vector.size} numbers", flush=True)
        if signature(specs) != self.weights.signature:
            raise RefusalError(
                "model",
                "none",
                f"this run's model is {self.weights.signature}, yours is {signature(specs)}: "
                "its checkpoints belong to another environment or network; choose another A3C64_RUN_DIR",
            )
        return self._answer(message, accepted=True)

    def _push(self, member: Member, message: wire.Message, body: wire.Push) -> list[bytes | memoryview]:
        weights = self.weights
        if not weights.known or not 0 <= body.version <= weights.version:
            raise RefusalError("version", "join", f"weights of version {body.version}, newest is {weights.version}")
        if body.signature != weights.signature:
            raise RefusalError("model", "none", f"a gradient of model {body.signature}, expected {weights.signature}")
        gradient = message.vector
        assert gradient is not None  # wire.decode saw to it
        if gradient.shape != weights.vector.shape:
            raise RefusalError("shape", "none", f"{gradient.size} numbers, expected {weights.vector.size}")
        if not 0 <= body.steps <= MAX_STEPS:
            raise RefusalError("malformed", "none", f"{body.steps} steps in one push")
        statistics, episodes = wire.unpack_numbers(body.statistics), wire.unpack_episodes(body.episodes)
        if not wire.finite(gradient):
            raise RefusalError("not finite", "join", "a gradient that is not finite")
        member.steps += body.steps
        member.staleness = weights.version - body.version
        weights.count(body.steps)
        self.metrics.add_episodes(episodes)
        self.metrics.add_update(statistics, member.staleness)
        self.timings.add("decode")
        limit = weights.hyperparameters.max_staleness
        accepted = not 0 < limit < member.staleness
        if accepted:
            weights.apply(np.asarray(gradient), member.staleness)
            self.timings.add("apply")
        else:
            self.metrics.refused["stale"] += 1
        return self._answer(message, accepted)

    def _answer(self, message: wire.Message, accepted: bool) -> list[bytes | memoryview]:
        w = self.weights
        body = wire.Weights(w.signature, w.version, w.step, accepted, w.finished)
        return wire.encode(message.sequence, body, w.vector)
