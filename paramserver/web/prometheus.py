"""The run's figures in the text format of Prometheus, for /metrics of the web page's server.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from a3c64.wire.report import RunReport

KIND = "text/plain; version=0.0.4; charset=utf-8"
GAUGE, COUNTER = "gauge", "counter"


class Sample(NamedTuple):
    """One number, with what distinguishes it from the others of its metric."""

    value: float
    labels: Mapping[str, str] = {}


class Metric(NamedTuple):
    """A metric: its name without the prefix, what it is, and its samples; none if nothing is known yet."""

    name: str
    kind: str
    meaning: str
    samples: list[Sample]


def text(report: RunReport) -> str:
    """Return a report as Prometheus reads it."""
    lines = []
    for name, kind, meaning, samples in metrics(report):
        lines += [f"# HELP a3c64_{name} {meaning}", f"# TYPE a3c64_{name} {kind}"]
        for value, labels in samples:
            marked = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
            lines.append(f"a3c64_{name}{'{' + marked + '}' if marked else ''} {value!r}")
    return "\n".join([*lines, ""])


def metrics(report: RunReport) -> Iterator[Metric]:
    """Yield the metrics of a report."""
    r, workers = report, report.workers
    yield Metric("run_info", GAUGE, "The run", [Sample(1, {"run": r.run, "env_id": r.env_id})])
    yield Metric("run_over", GAUGE, "1 once the run has reached its end", [Sample(int(bool(r.over)))])
    yield Metric("steps_total", COUNTER, "Environment steps", [Sample(r.steps)])
    yield Metric("steps_per_second", GAUGE, "Environment steps a second", [Sample(r.steps_per_s)])
    yield Metric("updates_total", COUNTER, "Updates of the weights", [Sample(r.updates)])
    yield Metric("episodes_total", COUNTER, "Episodes that ended", [Sample(r.episodes)])
    yield Metric("training_seconds_total", COUNTER, "Time of training", [Sample(r.seconds)])
    yield Metric("workers", GAUGE, "Workers that are connected", [Sample(len(workers))])
    yield Metric("workers_joined_total", COUNTER, "Workers that have joined", [Sample(r.joined)])
    yield Metric("workers_lost_total", COUNTER, "Workers whose heartbeat stopped", [Sample(r.lost)])
    yield Metric("evaluators", GAUGE, "Evaluators that are connected", [Sample(r.evaluators)])
    age = r.staleness
    ages = {"0.5": age.median, "0.95": age.p95, "1": age.max} if age else {}
    meaning = "Age of the newest gradients when they arrived, in updates"
    yield Metric("staleness", GAUGE, meaning, [Sample(value, {"quantile": q}) for q, value in ages.items()])
    yield Metric("return_mean", GAUGE, "Mean return of the last episodes", _known(r.mean_return))
    yield Metric("episode_length_mean", GAUGE, "Mean length of the last episodes, in steps", _known(r.mean_length))
    scores = {"last": r.evaluation.last, "best": r.evaluation.best} if r.evaluation else {}
    returns = [Sample(one.mean_reward, {"which": which}) for which, one in scores.items()]
    yield Metric("evaluation_return", GAUGE, "Mean return of a greedy evaluation", returns)
    yield Metric("best_weights_restored_total", COUNTER, "Returns to the best weights", [Sample(r.restored)])
    refused = [Sample(count, {"reason": reason}) for reason, count in r.refused.items()]
    yield Metric("refused_messages_total", COUNTER, "Messages that were refused", refused)
    meaning = "Connections without a valid key"
    yield Metric("refused_connections_total", COUNTER, meaning, [Sample(r.refused_connections)])
    failures = [Sample(count, {"of": name}) for name, count in r.failures.items()]
    meaning = "Failures of the tracker and of the command after checkpoints, since this server process began"
    yield Metric("outside_failures_total", COUNTER, meaning, failures)
    meaning = "Bytes of messages that this server process has received"
    yield Metric("received_bytes_total", COUNTER, meaning, [Sample(r.traffic.received)])
    yield Metric("sent_bytes_total", COUNTER, "Bytes of messages that it has sent", [Sample(r.traffic.sent)])
    figures = [Sample(one.value, {"figure": one.name}) for one in r.figures]
    yield Metric("environment_figure", GAUGE, "A figure of the environment, over the last episodes", figures)
    labels = [{"worker": str(one.index)} for one in workers]
    rates = [Sample(one.steps_per_s, label) for one, label in zip(workers, labels, strict=True)]
    yield Metric("worker_steps_per_second", GAUGE, "Environment steps a second of a worker", rates)
    ages_of = [Sample(one.staleness, label) for one, label in zip(workers, labels, strict=True)]
    yield Metric("worker_staleness", GAUGE, "Age of a worker's newest gradient, in updates", ages_of)
    restarts = [Sample(one.restarts, label) for one, label in zip(workers, labels, strict=True)]
    yield Metric("worker_restarts_total", COUNTER, "Earlier workers with the same index", restarts)


def _known(value: float | None) -> list[Sample]:
    return [] if value is None else [Sample(value)]


def _escaped(content: str) -> str:
    return content.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
