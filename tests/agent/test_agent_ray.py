"""Workers on a Ray cluster: a node is lost while training, another one comes, and nothing is left at the end."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.metadata import version

import psutil
import pytest
from live import HERE, free_port, still_running, until

from a3c64.cli import ray_node

PATIENCE_S = 300.0
# The object store has nearly Ray's minimum of 75 MB. add_node does not wait, because it would give up after 30 s.
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "wait": False}
ON_A_NODE = """
import importlib.metadata, sys
from ray import cloudpickle
work = cloudpickle.loads(sys.stdin.buffer.read())
sys.modules["a3c64"] = None  # importing it fails
if "without" in sys.argv:
    importlib.metadata.MetadataPathFinder.find_distributions = lambda *_, **__: ()
print(*work("9.9", "", {}), sep="\\n")
"""


@pytest.fixture
def ray():
    if importlib.util.find_spec("ray") is None:
        message = "Ray is not installed: make .venv/ray"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    import ray

    return ray


@pytest.fixture
def cluster(ray, monkeypatch):
    """A cluster of three nodes with one CPU each, all on this machine."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else the workers starve while other tests run
    monkeypatch.setenv("PYTHONPATH", str(HERE))  # of the nodes, which import tiny_env
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")  # short, because the paths of sockets have a limit
    monkeypatch.setenv("RAY_TMPDIR", folder)  # Cluster writes its address below it, and does not make the folder
    os.mkdir(os.path.join(folder, "ray"))
    cluster = Cluster()
    try:
        cluster.add_node(**NODE, include_dashboard=False, temp_dir=folder)  # the head
        for _ in range(2):
            cluster.add_node(**NODE)
        yield cluster
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(1800)
def test_a_node_is_lost_while_training_and_another_one_replaces_it(cluster, stack):
    """Four workers are asked for, and three nodes have one CPU each."""
    train = stack.start(
        "a3c64", "train", "--ray", cluster.address, "--workers", "3..4", "--bind", f"tcp://127.0.0.1:{free_port()}",
        envs_per_worker=1, eval_interval=0, web_port=free_port(),
    )  # fmt: skip

    def report():
        assert train.poll() is None, stack.log(train)
        try:
            return json.loads((stack.run_dir / "web" / "run.json").read_text())
        except FileNotFoundError:
            return {"workers": [], "steps": 0}

    def three():
        """Return the processes of the workers if three of them learn."""
        names = [one["name"] for one in report()["workers"] if one["steps"] > 0]
        return len(names) == 3 and {psutil.Process(int(name.rpartition(":")[2])) for name in names}

    first = until(three, PATIENCE_S, "steps of three workers")
    key = (stack.run_dir / "keys" / "client").read_text().split()[-1]
    assert not any(key in word for one in first for word in (*one.cmdline(), *one.environ().values()))

    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    until(lambda: len(still_running([*first])) == 2, PATIENCE_S, "the end of the worker on the lost node")
    until(lambda: len(report()["workers"]) == 2, PATIENCE_S, "the server misses it")
    before = report()["steps"]
    until(lambda: report()["steps"] > before, PATIENCE_S, "steps without the node")

    cluster.add_node(**NODE)
    again = until(three, PATIENCE_S, "steps of three workers again")
    assert len(again & first) == 2, "the others went on"
    assert "a worker's node or process is gone" in stack.log(train)
    train.send_signal(signal.SIGINT)
    assert train.wait(PATIENCE_S) == 0, stack.log(train)
    assert still_running([*again]) == []
    assert "Traceback" not in stack.log(train)


@pytest.mark.parametrize("found", ["no a3c64", f"a3c64 {version('a3c64')}"])
def test_a_node_without_this_release_of_a3c64_says_so_in_one_line(ray, found):
    ray.cloudpickle.register_pickle_by_value(ray_node)
    sent = ray.cloudpickle.dumps(ray_node.work)
    how = "without" if found == "no a3c64" else "other"
    done = subprocess.run([sys.executable, "-c", ON_A_NODE, how], input=sent, capture_output=True, timeout=120)
    code, why, _ = done.stdout.decode().splitlines()
    assert code == "2", done.stderr
    assert why == f'found {found}, expected a3c64 9.9: type `pip install "a3c64[train,ray]==9.9"` on each node'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ray", "nonsense"], "--ray: found nonsense, expected HOST:PORT"),
        (["--ray", "ray://127.0.0.1:10001"], "expected HOST:PORT"),
        (["--ray", f"127.0.0.1:{free_port()}"], "no Ray cluster answers"),
        (["--ray", "--vnc-port", "5900"], "--vnc-port: workers of a Ray cluster have no screens"),
        (["--ray", "--no-encryption"], "leave it out with --ray"),
        (["--ray", "--bind", "ipc:///tmp/no"], "--bind: found ipc:///tmp/no"),
        (["--ray", "--workers", "5..4"], "--workers: found 5..4"),
        (["--workers", "4..64"], "a range needs --ray"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_in_one_line(ray, stack, arguments, said):
    done = stack.run("a3c64", "train", *arguments, no_encryption="--no-encryption" in arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
    assert not stack.run_dir.exists()
