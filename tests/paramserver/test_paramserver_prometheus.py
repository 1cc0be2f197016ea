"""/metrics of the web page's server, in the format that Prometheus reads, and the dashboard's queries of it."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from in_process import ROLLOUT, SPECS, push
from live import free_port, get_json, need, until

from a3c64.envs.episode import Episode
from a3c64.paramserver.web.prometheus import text
from a3c64.wire import messages as wire
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.report import RunReport

PATIENCE_S = 120.0
ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "a3c64.json").read_text())
HELP = re.compile(r"# HELP (a3c64_[a-z_]+) [^\n]+")
TYPE = re.compile(r"# TYPE (a3c64_[a-z_]+) (gauge|counter)")
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"(a3c64_[a-z_]+)(\{{{LABEL}(?:,{LABEL})*\}})? (-?[0-9.e+-]+)")
EVALUATION = {
    "step": 5, "version": 2, "seconds": 1.0, "episodes": 3, "mean_reward": 7.5, "mean_length": 20.0, "figures": {},
}  # fmt: skip
FULL = RunReport.of(
    {
        "server": {}, "run": 'my "run"\\\n', "env_id": "Env-v0", "steps": 123, "steps_per_s": 4.5, "updates": 6,
        "episodes": 7, "seconds": 8.5, "over": "", "evaluators": 1, "joined": 3, "lost": 1, "refused": {"stale": 2},
        "refused_connections": 4,
        "failures": {"tracking": 3}, "staleness": {"median": 1.0, "p95": 2.0, "max": 9.0}, "mean_return": -1.5,
        "mean_length": 20.0, "restored": 0, "warning": "", "traffic": {"received": 1000, "sent": 2000},
        "evaluation": {"last": EVALUATION, "best": EVALUATION, "count": 1},
        "workers": [
            {
                "index": 1, "name": "n", "state": "working", "steps": 100, "steps_per_s": 2.5, "mean_return": None,
                "staleness": 3, "restarts": 2, "emulator_restarts": 0, "vnc": None,
            }
        ],
        "figures": [
            {
                "name": "laps", "label": "Laps", "unit": "", "summary": "mean", "headline": True, "mean": 1.25,
                "least": 0, "most": 3,
            }
        ],
    }
)  # fmt: skip


def read(exposition):
    """Return name and labels -> value. Each line must have the form that Prometheus wants."""
    assert exposition.endswith("\n")
    samples, kinds = {}, {}
    for line in exposition.splitlines():
        if match := TYPE.fullmatch(line):
            assert kinds.setdefault(match[1], match[2]) == match[2], "a metric is declared once"
        elif not HELP.fullmatch(line):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in kinds, "its type is declared before"
            assert match[1].endswith("_total") == (kinds[match[1]] == "counter")
            assert samples.setdefault(match[1] + (match[2] or ""), float(match[3])) == float(match[3])
    return samples


def test_the_figures_of_a_run_are_samples():
    samples = read(text(FULL))
    assert samples[r'a3c64_run_info{run="my \"run\"\\\n",env_id="Env-v0"}'] == 1
    wanted = {
        "steps_total": 123, "steps_per_second": 4.5, "workers": 1, 'staleness{quantile="0.95"}': 2, "return_mean": -1.5,
        'evaluation_return{which="best"}': 7.5, 'refused_messages_total{reason="stale"}': 2, "sent_bytes_total": 2000,
        "received_bytes_total": 1000, "refused_connections_total": 4,
        'outside_failures_total{of="tracking"}': 3, 'worker_steps_per_second{worker="1"}': 2.5,
        'environment_figure{figure="laps"}': 1.25,
    }  # fmt: skip
    assert {name: samples[f"a3c64_{name}"] for name in wanted} == wanted


def test_what_is_not_known_yet_has_no_sample():
    early = FULL.model_copy(update={"staleness": None, "mean_return": None, "evaluation": None, "workers": ()})
    samples = read(text(early))
    assert not [name for name in samples if "return" in name or "staleness" in name or "worker_" in name]


def dashboard_queries():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_only_for_metrics_that_exist():
    known = {re.split(r"[{ ]", name)[0] for name in read(text(FULL))}
    queries = dashboard_queries()
    queries += [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    asked = {name for query in queries for name in re.findall(r"a3c64_\w+", query)}
    assert asked
    assert asked <= known
    for query in queries:  # a rate is of a counter, and a counter is shown as a rate
        counters = re.findall(r"a3c64_\w+_total", query)
        assert bool(counters) == bool(re.match(r"(rate|increase)\(", query)), query


def test_a_server_that_runs_answers_a_scraper_and_counts_its_bytes(stack, clients):
    port = free_port()
    stack.start("a3c64.paramserver", web_port=port)
    until(stack.report, PATIENCE_S, "the server")
    clients.honest()

    def scraped():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                samples = read(answer.read().decode())
        except OSError:  # the page's server or its first report is not there yet
            return None
        return samples if samples["a3c64_workers"] == 1 else None

    samples = until(scraped, PATIENCE_S, "a scrape with the worker")
    assert samples["a3c64_received_bytes_total"] > 0
    assert samples["a3c64_sent_bytes_total"] > 0


@pytest.fixture
def prometheus(tmp_path):
    """prometheus(target) starts a Prometheus that scrapes a page every second, and returns its address."""
    need("prometheus")
    started = []

    def start(target):
        config, port = tmp_path / "prometheus.yml", free_port()
        scrape = {"job_name": "a3c64", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        config.write_text(json.dumps({"scrape_configs": [scrape]}))  # JSON is YAML
        with (tmp_path / "prometheus.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [
                        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                        f"--web.listen-address=127.0.0.1:{port}",
                    ],
                    stdout=log, stderr=log,
                )
            )  # fmt: skip
        return f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        process.kill()
        process.wait(60)


def test_a_real_prometheus_reads_a_run_and_each_query_of_the_dashboard_has_a_result(stack, clients, prometheus):
    port = free_port()
    stack.start("a3c64.paramserver", web_port=port, checkpoint_command="true {path}")
    until(stack.report, PATIENCE_S, "the server")
    worker, judge = clients.honest(name="worker"), clients.honest(EvaluatorClient, "judge")
    worker.join(SPECS)
    push(worker, 0, episodes=[Episode(7.0, 20, {"laps": 2.0})])
    assert judge.score(judge.pull(), [Episode(9.0, 20, {})])
    clients.attacker().refusal(wire.Pull())
    address = prometheus(f"127.0.0.1:{port}")

    def ask(query):
        """Return the values of a query; none while Prometheus does not answer."""
        with suppress(OSError):
            answer = get_json(f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
            assert answer["status"] == "success", query
            return [float(one["value"][1]) for one in answer["data"]["result"]]
        return []

    until(lambda: ask("up") == [1.0], PATIENCE_S, "a scrape")
    variables = {"$instance": ".*", "$__rate_interval": "1m"}  # as Grafana fills them in for all servers
    missing = set()
    for query in dashboard_queries():
        for name, value in variables.items():
            query = query.replace(name, value)
        assert "$" not in query
        missing.add(query)

    def complete():
        missing.difference_update([query for query in missing if ask(query)])
        return not missing

    with suppress(AssertionError):
        until(complete, PATIENCE_S, "a result of each query")
    assert not missing
    steps = ROLLOUT["t_max"] * ROLLOUT["envs_per_worker"]
    until(lambda: ask("a3c64_steps_total") == [float(steps)], PATIENCE_S, "the steps")
    assert ask('a3c64_evaluation_return{which="best"}') == [9.0]
    assert ask('a3c64_environment_figure{figure="laps"}') == [2.0]
    assert sum(ask("a3c64_refused_messages_total")) >= 1.0
    labels = get_json(f"{address}/api/v1/label/instance/values?match[]=a3c64_run_info")
    assert labels["data"] == [f"127.0.0.1:{port}"], "what the dashboard's list of servers shows"
