"""Ask a parameter server for the status of its run."""

import threading
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

from a3c64.config import BadInputError
from a3c64.envs.figures import Figures
from a3c64.output import escaped
from a3c64.wire.address import ServerAddress
from a3c64.wire.client import Client, RefusedError, StoppedError
from a3c64.wire.report import Evaluation, RunReport
from a3c64.wire.transport import SocketTransport


class Answer(NamedTuple):
    """A server's answer."""

    report: RunReport | None  # None: no answer arrived in time
    problem: str  # why, if it is known


def ask(address: ServerAddress, timeout_s: float) -> Answer:
    """Ask a server for its report.

    Raises:
        BadInputError: the server is of another release, or the key file is invalid.
    """
    with closing(answers(address, timeout_s, threading.Event())) as one:
        return next(one)


def answers(address: ServerAddress, timeout_s: float, stop: threading.Event) -> Generator[Answer]:
    """Ask a server for its report again and again; yield each answer. Setting `stop` ends it.

    Raises:
        RefusedKeyError: the server has refused the key several times, perhaps in several questions.
        BadInputError: see `ask`.
    """
    transport = SocketTransport(address)
    client = Client(transport, "", "status", stop)
    try:
        while not stop.is_set():
            answer = client.ask(timeout_s)
            yield Answer(None if answer is None else RunReport.of(answer), transport.problem)
            transport.reset()
    except StoppedError:
        return
    except RefusedError as error:
        raise BadInputError(f"{address.url}: {error}") from None
    except ValueError as error:
        raise BadInputError(
            f"{address.url}: the server's report is invalid: {error}; use the same release on both sides"
        ) from None
    finally:
        client.close()


def fetch(address: ServerAddress, timeout_s: float) -> RunReport | None:
    """Return a server's report, or None if no server answers in time.

    Raises:
        BadInputError: see `ask`.
    """
    return ask(address, timeout_s).report


def text(report: RunReport) -> str:
    """Return a report as lines for people, escaped."""
    lines = [
        f"run       {report.run} ({report.env_id}), in {report.server.run_dir}",
        f"steps     {report.steps:,} at {report.steps_per_s:,.0f} a second",
        f"trained   {report.seconds:,.0f} s" + (f": {report.over}" if report.over else ""),
        f"updates   {report.updates:,}",
        f"episodes  {report.episodes:,}",
        f"workers   {len(report.workers)} alive, {report.joined} joined, {report.lost} lost",
        f"refused   {sum(report.refused.values())} messages, {report.refused_connections} connections without a key",
    ]
    lines += [
        f"  {w.index:>3}  {w.name}  {w.state}, {w.steps:,} steps at {w.steps_per_s:,.0f} a second, "
        f"staleness {w.staleness}, restarts {w.restarts}"
        for w in report.workers
    ]
    if report.staleness:
        s = report.staleness
        lines.append(f"staleness median {s.median:.0f}, p95 {s.p95:.0f}, max {s.max:.0f}")
    if report.evaluation:
        for which, one in (("last", report.evaluation.last), ("best", report.evaluation.best)):
            told = "".join(f", {text}" for text in figures_of(one, report))
            lines.append(f"evaluated {which}: step {one.step:,}, {one.actions} return {one.mean_reward:.2f}{told}")
    lines += [
        f"failures  {count} of the {name.replace('_', ' ')}, since the server began"
        for name, count in report.failures.items()
    ]
    if report.restored:
        lines.append(f"went back to the best weights {report.restored} times")
    if report.warning:
        lines.append(f"warning   {report.warning}")
    if report.mean_return is not None and report.mean_length is not None:
        lines.append(f"{'return':<24}{report.mean_return:.2f}")
        lines.append(f"{'length':<24}{report.mean_length:.0f} steps")
    for known in report.figures:
        mean = f", mean {known.figure.show(known.mean)}" if known.value != known.mean else ""
        lines.append(f"{known.label:<24}{known.figure.show(known.value)}{mean}")
    return "\n".join(map(escaped, lines))


def figures_of(evaluation: Evaluation, report: RunReport) -> list[str]:
    """Return an evaluation's figures as texts, with the labels and units of the report."""
    known = Figures(one.figure for one in report.figures)
    return [known[name].say(value) for name, value in evaluation.figures.items()]
