"""The parameter server's answer to each message. It has no socket and no file, so that tests can run it directly."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from a3c64.callback import Moment
from a3c64.learning.parameters import signature
from a3c64.paramserver.callbacks import Callbacks
from a3c64.paramserver.ending import reward_reached, steps_taken, time_over
from a3c64.paramserver.evaluations import Evaluations, evaluation
from a3c64.paramserver.figures import SavedFigures
from a3c64.paramserver.guard import Guard
from a3c64.paramserver.held import answer as difference_for
from a3c64.paramserver.limits import HandedOut, RefusalError, check_gradient, check_rollout, check_score
from a3c64.paramserver.metrics import Metrics
from a3c64.paramserver.reporting import report_of, scalars_of
from a3c64.paramserver.roster import Member, Roster
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.checkpoint import Snapshot
from a3c64.timings import Timings
from a3c64.wire import messages as wire
from a3c64.wire.report import Evaluation, RunReport, ServerReport

log = logging.getLogger(__name__)

SECTIONS = ("idle", "decode", "apply", "answer", "checkpoint", "report")  # of the server's time
MAX_EVALUATORS = 4
IDLE_EVALUATOR_S = 60.0  # plus twice the interval of evaluations: without a score, another evaluator may replace it
MAX_WORKERS = 1024  # a report on this many workers fits into one message
MAX_FAULTS = 100  # kinds of unexpected errors that are logged


class Service:
    """Connects shared weights, rosters and metrics. `handle` answers one message."""

    def __init__(
        self,
        weights: SharedWeights,
        run_name: str,
        server: ServerReport,
        clock: Callable[[], float] = time.monotonic,
        evaluations: Evaluations | None = None,
        reachable: Callable[[bytes], bool] = lambda connection: True,
        callbacks: Callbacks | None = None,
        run_dir: Path = Path(),
    ) -> None:
        self.weights = weights
        self.roster = Roster(clock, reachable)
        self.evaluators = Roster(clock, reachable)
        self.metrics = Metrics()
        self.evaluations = evaluations or Evaluations()
        self.callbacks = callbacks or Callbacks()
        self._run_dir = run_dir
        self.guard = Guard(weights, self.metrics, self.evaluations)
        self.scored: list[tuple[Evaluation, Snapshot | None]] = []  # not yet written; with the weights if best
        self.seconds = weights.snapshot().seconds if weights.known else 0.0  # of training
        self.failures: dict[str, int] = {}  # of what follows the run from outside; see Followers
        self.picture: np.ndarray | None = None  # an observation, uint8 [H, W, C]; not yet written
        self._pictured = float("-inf")
        self.over = ""  # the reason for the end, once the run is over
        self._handed_out = HandedOut()
        if weights.known:
            self._handed_out.add(weights)  # a score of the checkpoint's weights may arrive after a restart
        self._trained = False  # whether a gradient has been accepted since this start
        self.model_confirmed = False  # whether a worker with the model of these weights has joined
        self.clock = clock
        self._looked = clock()
        self.timings = Timings(SECTIONS)
        self.run_name = run_name
        self._host = ""  # sender of the current message
        self._faults: set[tuple[str, str, int]] = set()  # kinds of unexpected errors so far
        self.server = server  # part of every report

    def handle(
        self, connection: bytes, frames: Sequence[bytes | memoryview], host: str = ""
    ) -> list[bytes | memoryview] | None:
        """Handle one message. Return the frames of the answer, or None if the message needs none.

        Args:
            connection: routing id of the sender's connection, unique to it.
            frames: of the message.
            host: IP address of the sender.
        """
        sequence = 0
        self._host = host
        try:
            try:
                message = wire.decode(frames)
                sequence = message.sequence
                return self._dispatch(connection, message)
            except wire.DamagedError as error:
                raise RefusalError("damaged", "join", str(error)) from None
            except wire.WireError as error:
                raise RefusalError("malformed", "none", str(error)) from None
            except RefusalError:
                raise
            except Exception as error:  # any error: one message must not end the run of all workers
                self.fault(error, "a message")
                raise RefusalError("failed", "join", f"the server had an error with this message: {error!r}") from None
        except RefusalError as refusal:
            self.metrics.refused[refusal.kind] += 1
            return wire.encode(sequence, wire.Refused(refusal.remedy, str(refusal)[:512]))

    def fault(self, error: Exception, subject: str) -> None:
        """Log an unexpected error with its traceback, once for each line of code that raises it."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else ("", 0)
        kind = (type(error).__name__, *place)
        if kind not in self._faults and len(self._faults) < MAX_FAULTS:
            self._faults.add(kind)
            log.error("%s caused an unexpected error; the run goes on", subject, exc_info=error)

    def look(self) -> None:
        """Add the training time since the last call. Check whether the run is over; then weights stop changing."""
        now = self.clock()
        if len(self.roster) and self.weights.known and not self.over:
            self.seconds += now - self._looked
        self._looked = now
        hyperparameters = self.weights.hyperparameters
        if self.weights.known and not self.over:
            self.over = (
                steps_taken(hyperparameters, self.weights.step)
                or time_over(hyperparameters, self.seconds)
                or self.callbacks.over
                or reward_reached(hyperparameters, self.metrics, self.evaluations, evaluated=len(self.evaluators) > 0)
            )

    @property
    def finally_scored(self) -> bool:
        """Return whether the newest weights have been evaluated."""
        last = self.evaluations.last
        return last is not None and (last.version, last.step) == (self.weights.version, self.weights.step)

    @property
    def environments(self) -> int:
        """Return how many environments the workers are stepping now."""
        return sum(self.weights.hyperparameters.environments_of(member.index) for member in self.roster.members())

    @property
    def _provisional(self) -> bool:
        """Return whether another worker's model may replace the run's, because no gradient has fitted it."""
        return self.weights.known and self.weights.version == 0

    @property
    def moment(self) -> Moment:
        """Return how far the run has come, for callbacks."""
        return Moment(self.weights.step, self.weights.version, self.seconds, self._run_dir)

    def snapshot(self) -> Snapshot:
        """Return the content of a checkpoint. The arrays are not copies: they change with the next update."""
        return self.weights.snapshot()._replace(seconds=self.seconds, pace=self.weights.pace.value)

    def resume(self, figures: SavedFigures) -> None:
        """Continue from the figures of a checkpoint."""
        self.metrics.resume(figures)
        self.guard.resume(figures)
        self.roster.joined, self.roster.lost = figures.gone, figures.lost

    def figures(self) -> SavedFigures:
        """Return the figures that `resume` needs. Connected workers are left out: they join again after a restart."""
        gone = max(0, self.roster.joined - len(self.roster))
        others = {"gone": gone, "lost": self.roster.lost, **self.guard.figures()}
        return self.metrics.figures().model_copy(update=others)

    def report(self) -> RunReport:
        """Return a report on the run, for status, the web page and health checks."""
        return report_of(self)

    def scalars(self) -> dict[str, float]:
        """Return one TensorBoard point of every tag."""
        return scalars_of(self)

    def _dispatch(self, connection: bytes, message: wire.Message) -> list[bytes | memoryview] | None:
        body = message.body
        if isinstance(body, wire.Push):
            return self._push(self._member(connection, message), message, body)
        if isinstance(body, wire.Beat):
            self.roster.beat(body.client, body.doing)
            self.evaluators.beat(body.client)
            return None
        if isinstance(body, wire.Sample):
            self._show(self._member(connection, message), body)
            return None
        if isinstance(body, wire.Hello):
            return self._hello(connection, message, body)
        if isinstance(body, wire.Join):
            return self._join(self._member(connection, message), message, body)
        if isinstance(body, wire.Pull):
            return self._pull(self._member(connection, message, wire.EVALUATOR), message)
        if isinstance(body, wire.Score):
            return self._score(self._member(connection, message, wire.EVALUATOR), message, body)
        if isinstance(body, wire.Bye):
            self.evaluators.leave(connection)
            member = self.roster.leave(connection)
            if member is not None:
                log.info("%s left (%s)", f"worker {member.index}", member.name)
            return None
        if isinstance(body, wire.Ask):
            return wire.encode(message.sequence, wire.Report(self.report().plain()))
        raise RefusalError("malformed", "none", f"a server does not accept the message {type(body).__name__.lower()}")

    def _member(self, connection: bytes, message: wire.Message, role: str = wire.WORKER) -> Member:
        member = (self.evaluators if role == wire.EVALUATOR else self.roster).speaker(connection)
        if member is None:
            kind = type(message.body).__name__.lower()
            raise RefusalError("unknown", "hello", f"a connection must begin with the message hello, found {kind}")
        self._in_order(member, message)
        return member

    @staticmethod
    def _in_order(member: Member, message: wire.Message) -> None:
        """Refuse a message older than its client's newest one. It may come from an earlier connection."""
        if message.sequence <= member.sequence:
            reason = f"sequence must be greater than {member.sequence}, found {message.sequence}"
            raise RefusalError("repeated", "join", reason)
        member.sequence = message.sequence

    def _hello(self, connection: bytes, message: wire.Message, body: wire.Hello) -> list[bytes | memoryview]:
        if not body.client.isalnum() or len(body.client) > wire.MAX_NAME:
            reason = f"hello.client must be 1 to {wire.MAX_NAME} letters and digits, found {body.client!r:.80}"
            raise RefusalError("malformed", "none", reason)
        if body.role not in wire.ROLES:
            raise RefusalError(
                "malformed", "none", f"hello.role must be {' or '.join(wire.ROLES)}, found {body.role!r:.40}"
            )
        if not 0 <= body.vnc_port <= 65535:
            raise RefusalError("malformed", "none", f"hello.vnc_port must be 0 to 65535, found {body.vnc_port}")
        rosters = [self.roster, self.evaluators]
        roster, other = rosters if body.role == wire.WORKER else reversed(rosters)
        known = roster.get(body.client)
        for member in [] if known else roster.drop_gone(body.worker):
            log.warning("%s is lost: its connection is closed (%s)", f"{body.role} {member.index}", member.name)
        if not known and roster is self.evaluators and len(roster) >= MAX_EVALUATORS:
            idle_s = IDLE_EVALUATOR_S + 2.0 * self.weights.hyperparameters.eval_interval
            if (replaced := roster.drop_idle(idle_s)) is None:
                reason = f"the limit of {MAX_EVALUATORS} evaluators is reached; one is enough"
                raise RefusalError("crowded", "none", reason)
            log.warning("evaluator %d has sent no score and is replaced (%s)", replaced.index, replaced.name)
        if not known and len(roster) >= MAX_WORKERS:
            raise RefusalError("crowded", "wait", f"the limit of {MAX_WORKERS} workers is reached")
        if not known and roster is self.roster and self.weights.hyperparameters.deterministic and len(roster):
            raise RefusalError(
                "crowded",
                "none",
                "a deterministic run (A3C64_DETERMINISTIC) has one worker, and that is already connected",
            )
        name = "".join(c for c in body.name if c.isprintable())[: wire.MAX_NAME]
        if known:
            self._in_order(known, message)
        other.leave(connection)
        member = roster.greet(body.client, connection, name, body.worker)
        member.sequence = message.sequence
        # The host is the sender's address. If workers could name a host, the web page would connect to any machine.
        member.vnc = (self._host, body.vnc_port if self._host else 0)
        if not known:
            log.info("%s joined (%s)", f"{body.role} {member.index}", member.name)
        hyperparameters = self.weights.hyperparameters.model_dump()
        return wire.encode(message.sequence, wire.Welcome(member.index, self.run_name, hyperparameters))

    def _join(self, member: Member, message: wire.Message, body: wire.Join) -> list[bytes | memoryview]:
        specs, figures = wire.unpack_specs(body.specs), wire.unpack_figures(body.figures)
        if not self.weights.known or (self._provisional and signature(specs) != self.weights.signature):
            self.weights.begin(specs)
            self._handed_out.clear()
            log.info("a new run: a network of %s parameters", f"{self.weights.vector.size:,}")
        if signature(specs) != self.weights.signature:
            raise RefusalError(
                "model",
                "none",
                f"the run's model is {self.weights.signature}, but this worker's is {signature(specs)}: the run has "
                "another environment or network; choose another A3C64_RUN_DIR for a new run",
            )
        self.model_confirmed = True
        if not self._trained:  # a later worker cannot change the declarations of those that train
            self.metrics.declare(figures)
        self.look()
        return self._answer(message, True, member, body.base)

    def _vector(self, message: wire.Message, body: wire.Push | wire.Score) -> np.ndarray:
        """Check version, model and size of a message's vector, and return it, float32 [parameters]."""
        weights = self.weights
        if not weights.known or not 0 <= body.version <= weights.version:
            reason = f"version must be 0 to {weights.version} (the newest), found {body.version}"
            raise RefusalError("version", "join", reason)
        if body.signature != weights.signature:
            remedy = "join" if self._provisional else "none"
            raise RefusalError("model", remedy, f"the model must be {weights.signature}, found {body.signature}")
        vector = message.vector
        assert vector is not None  # wire.decode has checked this
        if vector.shape != weights.vector.shape:
            reason = f"the vector must have {weights.vector.size} numbers, found {vector.size}"
            raise RefusalError("shape", "none", reason)
        return vector

    def _push(self, member: Member, message: wire.Message, body: wire.Push) -> list[bytes | memoryview]:
        weights = self.weights
        gradient = self._vector(message, body)
        statistics, episodes = wire.unpack_numbers(body.statistics), wire.unpack_episodes(body.episodes)
        check_rollout(weights.hyperparameters, member.index, body.steps, len(episodes))
        check_gradient(weights, gradient)
        if self.over:
            return self._answer(message, False, member, body.base)
        staleness = weights.version - body.version
        member.progress(self.clock(), body.steps, staleness, episodes)
        weights.count(body.steps)
        self.metrics.add_episodes(episodes)
        self.metrics.add_update(statistics, staleness)
        self.callbacks.episodes(episodes, self.moment)
        if "kl" in statistics and member.version >= self.guard.since:  # else it spans a return to the best weights
            weights.pace.measured(statistics["kl"], len(self.roster), weights.target_kl)
        self.timings.add("decode")
        limit = weights.hyperparameters.max_staleness
        member.version = body.version
        accepted = body.version >= self.guard.since and not 0 < limit < staleness
        if accepted:
            weights.apply(np.asarray(gradient), body.steps)
            self._trained = True
            self.callbacks.update(statistics, self.moment)
            self.timings.add("apply")
        else:
            self.metrics.refused["stale"] += 1
        # `look` checks the other reasons.
        self.over = steps_taken(weights.hyperparameters, weights.step) or self.callbacks.over
        return self._answer(message, accepted, member, body.base)

    def _pull(self, member: Member, message: wire.Message) -> list[bytes | memoryview]:
        if not self.weights.known:
            raise RefusalError("early", "wait", "there are no weights yet")
        if self.over and self.finally_scored:
            raise RefusalError("late", "done", f"{self.over}, and its last weights have been evaluated")
        self._handed_out.add(self.weights)
        return self._answer(message, True, member, base=0)

    def _score(self, member: Member, message: wire.Message, body: wire.Score) -> list[bytes | memoryview]:
        vector, episodes = self._vector(message, body), wire.unpack_episodes(body.episodes)
        if not 0 <= body.step <= self.weights.step:
            reason = f"score.step must be 0 to {self.weights.step}, found {body.step}"
            raise RefusalError("malformed", "none", reason)
        check_score(episodes, self.metrics.largest)
        self._handed_out.check(body, vector)
        episodes = self.metrics.bounded(episodes)
        member.pushed = self.clock()
        how = self.weights.hyperparameters.eval_policy
        one = evaluation(body.step, body.version, self.seconds, episodes, self.metrics.declared, how)
        last = self.evaluations.last
        if last is not None and one.model_copy(update={"seconds": last.seconds}) == last:
            return wire.encode(message.sequence, wire.Noted(best=False))  # a repetition: the first answer was lost
        best = self.evaluations.add(one)
        self.guard.judge(one)
        snapshot = None
        if best:
            now = self.snapshot()  # its optimiser's vectors are newer than `vector`; playing does not need them
            snapshot = now._replace(
                weights=vector.copy(),
                optimiser={name: flat.copy() for name, flat in now.optimiser.items()},
                version=one.version,
                step=one.step,
                score=one.plain(),
            )
        self.scored.append((one, snapshot))
        self.look()
        return wire.encode(message.sequence, wire.Noted(best))

    def _show(self, member: Member, body: wire.Sample) -> None:
        """Store a picture to be written, unless the last one was a moment ago, because pictures fill the disk."""
        picture, now = wire.unpack_sample(body), self.clock()
        if now - self._pictured >= wire.SAMPLE_S / 2:
            self.picture, self._pictured = picture, now

    def _answer(self, message: wire.Message, accepted: bool, member: Member, base: int) -> list[bytes | memoryview]:
        """Answer with the newest weights, or with their difference to those that the member holds."""
        w, difference = self.weights, None
        if base:
            member.held, difference = difference_for(member.held, base, message.sequence, w, self.guard.since)
        body = wire.Weights(w.signature, w.version, w.step, accepted, bool(self.over))
        if difference is None:
            return wire.encode(message.sequence, body, w.vector)
        return wire.encode(message.sequence, body._replace(packed=difference.size), difference)
