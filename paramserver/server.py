"""The parameter server's loop: it answers messages of one ROUTER socket, and does timed work between them."""

import logging
import os
import threading
from collections.abc import Callable

import zmq

from a3c64.config import BadInputError, Settings
from a3c64.files import printable
from a3c64.paramserver import run_lock
from a3c64.paramserver.admission import Admission
from a3c64.paramserver.authentication import Authentication
from a3c64.paramserver.callbacks import Callbacks
from a3c64.paramserver.evaluations import charted, text
from a3c64.paramserver.figures import saved
from a3c64.paramserver.incoming import Incoming, sender
from a3c64.paramserver.milestones import Milestones
from a3c64.paramserver.outside import followers
from a3c64.paramserver.roster import HEARTBEAT_TIMEOUT_S
from a3c64.paramserver.run_folder import RunFolder
from a3c64.paramserver.run_keys import RunKeys, check_encryption
from a3c64.paramserver.running_clock import RunningClock
from a3c64.paramserver.service import Service
from a3c64.paramserver.tensorboard.charts import Charts
from a3c64.paramserver.tensorboard.event_file import EventFile, interval
from a3c64.paramserver.tensorboard.process import TensorBoardProcess
from a3c64.paramserver.web.feed import Web
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy import policy_file
from a3c64.policy.resume import Resumption, resume
from a3c64.processes import typed_command
from a3c64.vnc import password
from a3c64.wire import messages as wire
from a3c64.wire import server_file
from a3c64.wire.address import key_file_for_folder, key_file_in
from a3c64.wire.keys import REMEDY
from a3c64.wire.report import RunReport, ServerReport, Traffic
from a3c64.wire.transport import configure

log = logging.getLogger(__name__)

POLL_MS = 100  # longest wait for a message, so that signals and timed work are not delayed more
BURST = 64  # messages handled between two checks of the clock
TICK_S = 0.25
LEAVE_S = 10.0  # timeout after a run's end: until all workers know it, and until an evaluator connects
FOLLOW_S = 20.0  # timeout of a tracker, and of the command after the last checkpoint
LAST_EVALUATION_S = 600.0  # timeout of the evaluation of the final weights


class Server:
    """Binds the socket, resumes the run, and serves until it is told to stop or the run is over.

    Raises:
        BadInputError: the address is taken or the run's folder cannot be used.
    """

    def __init__(self, settings: Settings, command: str = "") -> None:
        resumption = resume(settings)
        self._settings = settings = resumption.settings
        callbacks = Callbacks(settings.callback)
        self._command, self._name = command or typed_command(), printable(settings.run_dir.resolve().name)
        self._clock = RunningClock()
        if who := run_lock.holder(settings.run_dir):
            raise run_lock.in_use(settings.run_dir, who)
        check_encryption(settings)
        followers.check(settings)
        key_file = key_file_in(settings)
        self._keys = keys = key_file and RunKeys(settings.run_dir, key_file)
        self._socket: zmq.Socket = zmq.Context.instance().socket(zmq.ROUTER)
        configure(self._socket)
        self._authentication = keys and Authentication(self._socket, keys)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # an answer to a closed connection raises
        try:
            self._admission = Admission(self._socket, settings.bind)
            if self._authentication:
                self._authentication.watch()
        except zmq.ZMQError as error:
            if self._authentication:
                self._authentication.close()
            self._socket.close()
            hint = "is another server running? " if error.errno == zmq.EADDRINUSE else ""
            raise BadInputError(
                f"A3C64_BIND: {settings.bind} cannot be bound ({os.strerror(error.errno or 0)}): {hint}"
                "choose another with --bind or A3C64_BIND"
            ) from None
        self._lock = run_lock.RunLock(settings.run_dir, settings.bind)
        if keys:
            keys.write()
        password.obtain(password.path_of(settings))
        self._folder = RunFolder(settings.run_dir, settings.keep_checkpoints)
        snapshot = self._folder.resume()
        if snapshot is not None:
            log.info("resuming at step %d, update %d", snapshot.step, snapshot.version)
            for change in resumption.changes:
                log.info("changed from now on: %s", change)
        start = policy_file.find(settings.from_policy) if settings.from_policy and snapshot is None else None
        if resumption.ignored:
            log.warning(resumption.ignored)
        self.service = Service(
            SharedWeights(settings.hyperparameters(), snapshot and snapshot._replace(figures=None), start),
            self._name,
            ServerReport(
                pid=os.getpid(),
                run_dir=printable(settings.run_dir),
                tensorboard_port=settings.tensorboard_port,
                web_port=settings.web_port,
            ),
            clock=self._clock,
            evaluations=None if resumption.new_task else self._folder.evaluations(),
            reachable=self._reachable,
            callbacks=callbacks,
            run_dir=settings.run_dir,
        )
        self._incoming = Incoming(self._socket, self.service)
        self._received = self._sent = 0  # bytes
        figures = saved(snapshot)
        if resumption.new_task:
            figures = figures.counters()
        self.service.resume(figures)
        self.service.look()
        self._over_before = bool(self.service.over)
        self._events = EventFile(self._folder.tensorboard, snapshot.step + 1 if snapshot else 0)
        self._milestones = Milestones(self.service.metrics, self._clock)
        self._charts = Charts(self._events, self.service, settings.legacy_tags)
        self._unwritten: Resumption | None = resumption
        if not resumption.new_task:
            self._write_down()
        self._tensorboard = TensorBoardProcess(
            self._folder.tensorboard, settings.tensorboard_host, settings.tensorboard_port
        )
        self._followers = followers.Followers(settings)
        self._web = Web(settings)
        self._web.sparklines.resume(figures)
        self._saved = snapshot.step if snapshot else -1
        self._saved_version = snapshot.version if snapshot else -1
        self._started = self._last_save = self._last_status = self._clock()
        self._rated = self._next_point = self._started
        self.service.metrics.measure_rate(self._started, self.service.weights.step)
        self._finished_at: float | None = None
        self._folder.announce(
            server_file.ServerFile(
                settings.bind, os.getpid(), settings.web_port, settings.tensorboard_port, key_file_for_folder(settings)
            )
        )

    def serve(self, stop: threading.Event) -> bool:
        """Serve until stopped, then write a final checkpoint. Return whether everything could be written."""
        next_tick = 0.0
        try:
            while not stop.is_set() and not self._done():
                arrived = (self._authentication.wait if self._authentication else self._socket.poll)(POLL_MS)
                self.service.timings.add("idle")
                if arrived:
                    self._drain()
                if (now := self._clock()) >= next_tick:
                    next_tick = now + TICK_S
                    self._tick(now)
        finally:
            self._attempt("the last checkpoint", self._save)
            self._attempt("the last report", lambda: self._report(self._clock(), last=True))
            if self._saved >= 0:
                log.info("saved step %s", f"{self._saved:,}")
            whole = self._folder.catch_up() and self.service.weights.step == max(self._saved, 0)
            if not whole:
                log.error(
                    "not everything could be saved in %s: step %d was reached, step %d is the newest checkpoint",
                    self._settings.run_dir, self.service.weights.step, max(self._saved, 0),
                )  # fmt: skip
            self._incoming.close()
            if self._authentication:
                self._authentication.close()
            self._socket.close(linger=500)
            self._admission.close()
            self._tensorboard.close()
            self._web.close()
            self._events.close()
            self._followers.close(FOLLOW_S)
            self.service.callbacks.close()
            self._folder.withdraw()
            self._lock.close()
        return whole

    def _drain(self) -> None:
        """Handle the messages that have arrived, at most BURST."""
        for _ in range(BURST):
            try:
                connection, *frames = self._incoming.receive()
            except zmq.Again:
                return
            self._received += sum(map(len, frames))
            answer = self.service.handle(connection.bytes, [frame.buffer for frame in frames], sender(connection))
            if self.service.scored:
                self._attempt("an evaluation", self._record)  # before the answer says that it is recorded
            if answer is not None:
                self._send([connection.bytes, *answer])
            self.service.timings.add("answer")

    def _send(self, frames: list[bytes | memoryview]) -> None:
        """Send an answer, unless the client is gone or busy; then its timeout applies."""
        for _ in range(2):
            try:
                # copy=True, because the next update changes the weights while ZeroMQ still sends them.
                self._socket.send_multipart(frames, zmq.DONTWAIT, copy=True)
                self._sent += sum(memoryview(frame).nbytes for frame in frames)
                return
            except zmq.Again:  # the queue of this client is full; reading EVENTS lets libzmq notice what has left it
                self._socket.getsockopt(zmq.EVENTS)
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                return

    def _reachable(self, connection: bytes) -> bool:
        """Return whether a connection is open. This sends an answer to no request, which clients ignore."""
        try:
            self._socket.send_multipart([connection, *wire.encode(0, wire.Noted(best=False))], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            return error.errno != zmq.EHOSTUNREACH
        return True

    def _tick(self, now: float) -> None:
        """Do the timed work that is due."""
        self._attempt("a check of file descriptors", self._admission.tend)
        self._attempt("a count of refused connections", self._count_refused)
        if self._keys and self._keys.renewed():
            log.info("the clients' key was replaced: clients with the former one are disconnected and refused")
            self._attempt("ending connections", self._incoming.end_all)
        self._attempt("a check of the run", self.service.look)
        if closed := self._incoming.closed():
            self.service.metrics.refused["endless"] += closed
        if self.service.model_confirmed:
            self._attempt("writing the run's settings", self._write_down)
        for roster in (self.service.roster, self.service.evaluators):
            role = "worker" if roster is self.service.roster else "evaluator"
            for member in roster.sweep():
                log.warning(
                    "%s is lost: no heartbeat for %g s (%s)", f"{role} {member.index}", HEARTBEAT_TIMEOUT_S, member.name
                )
        if now - self._last_save >= self._settings.checkpoint_interval:
            self._last_save = now
            self._attempt("a checkpoint", self._save)
            self.service.timings.add("checkpoint")
        if now - self._last_status >= self._settings.status_interval:
            self._last_status = now
            self._attempt("a report", lambda: self._report(now))
        self._attempt("milestones", self._note_milestones)
        self._attempt("a tracker or a command after a checkpoint", self._followers.tend)
        self.service.failures = self._followers.failures()
        self._attempt("supervising TensorBoard", self._tensorboard.tend)
        self._attempt("writing the web page's data", lambda: self._web.tend(self._page_report))
        self.service.timings.add("report")

    def _page_report(self) -> RunReport:
        traffic = Traffic(received=self._received, sent=self._sent)
        return self.service.report().model_copy(update={"traffic": traffic})

    def _count_refused(self) -> None:
        """Count the connections that were refused since the last call, and say what to do about them."""
        if self._authentication and (refused := self._authentication.refused()):
            self.service.metrics.refused_connections += refused
            log.warning(
                "%s: connections without a valid key are refused, %d so far; if it is a worker of this run: %s",
                self._settings.bind, self.service.metrics.refused_connections, REMEDY,
            )  # fmt: skip

    def _note_milestones(self) -> None:
        for line in self._milestones.reached(self.service.weights.step):
            log.info(line)

    def _attempt(self, what: str, work: Callable[[], object]) -> None:
        """Run `work`, which may depend on values from workers. An exception is logged and does not end the server."""
        try:
            work()
        except Exception as error:
            self.service.fault(error, what)

    def _done(self) -> bool:
        """Return whether the server may end: the run is over, workers know it, and the last weights are scored."""
        service, now = self.service, self._clock()
        if not service.over:
            return False
        if self._finished_at is None:
            self._finished_at = now
            log.info(service.over)
            self._save()  # now, because the last evaluation may take minutes
            if len(service.evaluators) and not service.finally_scored:
                log.info("the run ends when its last weights have been evaluated")
        waited = now - self._finished_at
        if waited <= LEAVE_S and (len(service.roster) > 0 or service.roster.joined == 0 or self._over_before):
            return False  # workers of a run that was over before this start may still connect
        if service.weights.hyperparameters.eval_interval == 0 or waited > LAST_EVALUATION_S:
            return True
        if len(service.evaluators):
            return False  # the evaluator disconnects after the last score
        return service.finally_scored or waited > LEAVE_S

    def _record(self) -> None:
        """Write the evaluations since the last call, and the best weights."""
        self._write_down()
        scored, self.service.scored = self.service.scored, []
        for one, best in scored:
            log.info(text(one, self.service.metrics.declared) + (" | the best so far" if best else ""))
            self._events.scalars(charted(one), one.step)
            if best:
                self._folder.save_best(best)
        self._folder.record(self.service.evaluations.all)
        for one, _ in scored:
            self.service.callbacks.evaluation(one, self.service.moment)
        guard = self.service.guard
        if guard.warning:
            log.warning(guard.warning)
        if guard.due and not self.service.over:
            self._go_back()

    def _go_back(self) -> None:
        """Continue with the best weights."""
        guard, best = self.service.guard, self._folder.best()
        fallen = guard.fallen
        if best is None or not guard.go_back(best):
            log.warning("training cannot go back to the best weights: best/ has none of this model")
            return
        log.warning(
            "training goes back to the best weights, of step %s, because of %d evaluations in a row (--guard false "
            "turns this off)",
            f"{best.step:,}",
            fallen,
        )
        self._save()

    def _write_down(self) -> None:
        """Write the run's settings. For a new task, this is called once a worker has confirmed that the model fits."""
        resumption, self._unwritten = self._unwritten, None
        if resumption is None:
            return
        hyperparameters, step = self.service.weights.hyperparameters, self.service.weights.step
        if resumption.new_task:
            self._folder.set_aside_scores(step)
        new = self._folder.describe(
            hyperparameters, self._command, resumption.changes if resumption.exists else (), step
        )
        if new or not self.service.weights.known:
            self._charts.introduce(printable(self._command), self._name)

    def _save(self) -> None:
        weights = self.service.weights
        self._folder.catch_up()
        if not weights.known or (weights.step, weights.version) == (self._saved, self._saved_version):
            return
        figures = self._web.sparklines.figures(self.service.figures())
        if self._folder.save(self.service.snapshot()._replace(figures=figures.plain())):
            self._saved, self._saved_version = weights.step, weights.version
            path = self._folder.checkpoints / f"step_{weights.step}"
            self.service.callbacks.checkpoint(path, self.service.moment)
            self._followers.checkpoint(path)

    def _report(self, now: float, last: bool = False) -> None:
        """Log a line of progress. Write a TensorBoard point if one is due or this is the last report."""
        service = self.service
        # The last report may follow another at once. A rate over such a short time would be inaccurate.
        if now - self._rated >= self._settings.status_interval / 2:
            self._rated = now
            service.metrics.measure_rate(now, service.weights.step)
        if last or now >= self._next_point:
            # Half a status interval early, because reports are not exactly one interval apart.
            least = self._settings.status_interval
            self._next_point = now + interval(least, service.seconds) - least / 2
            self._charts.add_point(now)
        report = service.report()
        parts = [
            f"steps {report.steps:,}",
            f"{report.steps_per_s:,.0f} steps/s",
            f"updates {report.updates:,}",
            f"workers {len(report.workers)}",
        ]
        if report.mean_return is not None:
            parts.append(f"return {report.mean_return:.2f}")
        log.info(" | ".join([*parts, *(figure.say() for figure in report.headlines)]))
