"""A server that is restarted in a run's folder: what it continues with, records, and refuses."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from live import free_port, get_json, until
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.paramserver.run_folder import RunFolder
from a3c64.policy import checkpoint
from a3c64.wire.client import Client
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.transport import SocketTransport

SPECS = [ParameterSpec("w", (3, 2), 1.0)]
ONES = np.ones(6, np.float32)
UNSET = {name: "" for name in ("env_id", "lstm_size", "envs_per_worker", "t_max", "discount")}  # unset variables


def join(stack, specs=SPECS):
    name = f"client{time.monotonic_ns()}"
    client = Client(SocketTransport(stack.server), name, name, threading.Event())
    hyperparameters = client.hello()
    return client, hyperparameters, client.join(specs)


def evaluate(stack, score):
    """Evaluate the newest weights."""
    client = EvaluatorClient(SocketTransport(stack.server), "judge", "judge", threading.Event())
    client.hello()
    assert client.score(client.pull(), [Episode(score, 20, {})])
    client.close()


def push(client, update, reward=1.0):
    episodes = [Episode(reward, 20, {"progress": reward})]
    return client.push(ONES, signature(SPECS), update.version, 20, {}, episodes)


def stop(server):
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def make_run(stack, score=None, **settings):
    """Make a run of 20 steps and stop it. With `score`, an evaluator has submitted that score for its weights."""
    server = stack.start("a3c64.paramserver", **settings)
    client, _, update = join(stack)
    update = push(client, update)
    if score is not None:
        evaluate(stack, score)
    client.close()
    stop(server)


def contents(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_the_folder_defines_the_run_and_a_change_is_recorded(stack):
    make_run(stack, t_max=10, envs_per_worker=2)
    server = stack.start("a3c64.paramserver", "--learning-rate", "0.01", **UNSET)
    client, hyperparameters, update = join(stack)
    assert (
        hyperparameters.env_id,
        hyperparameters.t_max,
        hyperparameters.lstm_size,
        hyperparameters.learning_rate,
    ) == ("tiny_env:TinyImage-v0", 10, 32, 0.01)
    assert update.step == 20
    assert "changed from now on: learning_rate 0.0007 -> 0.01" in stack.log(server)
    push(client, update)
    client.close()
    stop(server)
    assert json.loads((stack.run_dir / "config.json").read_text())["learning_rate"] == 0.01
    [change] = map(json.loads, (stack.run_dir / "changes.jsonl").read_text().splitlines())
    assert (change["step"], change["changes"]) == (20, {"learning_rate": [0.0007, 0.01]})
    again = stack.start("a3c64.paramserver", **UNSET)
    client, hyperparameters, update = join(stack)
    assert (hyperparameters.learning_rate, update.step) == (0.01, 40)
    client.close()
    stop(again)
    assert len((stack.run_dir / "changes.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"env_id": "CartPole-v1"}, "env_id tiny_env:TinyImage-v0 -> CartPole-v1"),
        ({"lstm_size": 64, "trunk": "fine"}, "trunk patches -> fine, lstm_size 32 -> 64"),
        ({"env_id": "CartPole-v1", "transfer": "true", "frame_size": 84}, "frame_size 42 -> 84"),
    ],
)
def test_a_forbidden_change_is_reported_in_one_line_and_writes_nothing(stack, settings, says):
    make_run(stack)
    before = contents(stack.run_dir)
    refused = stack.run("a3c64.paramserver", **settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("a3c64 server: ")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert says in refused.stderr
    assert contents(stack.run_dir) == before


def test_another_task_sets_the_scores_aside_once_a_model_fits(stack):
    make_run(stack, score=499.0)
    server = stack.start("a3c64.paramserver", env_id="tiny_env:Other-v0", transfer="true")
    with pytest.raises(BadInputError, match="the run has another environment or network; choose another A3C64_RUN_DIR"):
        join(stack, [ParameterSpec("w", (3, 9), 1.0)])
    assert json.loads((stack.run_dir / "config.json").read_text())["env_id"] == "tiny_env:TinyImage-v0"
    assert (stack.run_dir / "best").exists(), "a model that does not fit must change nothing"
    client, hyperparameters, update = join(stack)
    assert hyperparameters.env_id == "tiny_env:Other-v0"
    until(lambda: not (stack.run_dir / "best").exists(), 60, "the scores set aside")
    evaluate(stack, -150.0)
    push(client, update)
    client.close()
    stop(server)
    assert "best as best.before-step-20, evaluation.json as evaluation.json.before-step-20" in stack.log(server)
    assert checkpoint.newest(stack.run_dir / "best").score["mean_reward"] == -150.0
    assert checkpoint.newest(stack.run_dir / "best.before-step-20").score["mean_reward"] == 499.0
    assert [one["mean_reward"] for one in json.loads((stack.run_dir / "evaluation.json").read_text())] == [-150.0]
    assert json.loads((stack.run_dir / "config.json").read_text())["env_id"] == "tiny_env:Other-v0"


def test_the_users_command_is_recorded(stack):
    make_run(stack)
    command = (stack.run_dir / "command.txt").read_text().splitlines()[-1].split(" ", 2)[2]
    assert command == "python -m a3c64.paramserver"
    server = stack.start("a3c64", "server", "--seed", "3")
    until(stack.report, 60, "the server")
    stop(server)
    command = (stack.run_dir / "command.txt").read_text().splitlines()[-1].split(" ", 2)[2]
    assert command == "a3c64 server --seed 3"
    *_, text = EventAccumulator(str(stack.run_dir / "tensorboard")).Reload().Tensors("run/hyperparameters")
    assert tensor_util.make_ndarray(text.tensor_proto).item().decode().startswith("    a3c64 server --seed 3\n")


def test_resume_without_a_run_is_refused(stack):
    refused = stack.run("a3c64", "server", "--resume")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"a3c64 server: --resume: there is no run to resume in {stack.run_dir}")
    assert not stack.run_dir.exists()


def charted(stack, tag):
    """Return a tag's points as TensorBoard shows them."""
    events = EventAccumulator(str(stack.run_dir / "tensorboard")).Reload().Tensors(tag)
    return [float(tensor_util.make_ndarray(event.tensor_proto)) for event in events]


def test_means_and_counters_continue_after_a_restart(stack):
    """After a hundred episodes of return 100, a restart and one episode of return 0, the mean is 99, not 0."""
    server = stack.start("a3c64.paramserver", web_port=free_port())
    client, _, update = join(stack)
    for _ in range(10):
        episodes = [Episode(100.0, 20, {"best_lap_s": 30.0})] * 10
        update = client.push(ONES, signature(SPECS), update.version, 20, {}, episodes)
    report = stack.run_dir / "web" / "run.json"
    until(lambda: report.exists() and json.loads(report.read_text())["steps"] == 200, 60, "the page's points")
    history = json.loads(report.read_text())["history"]
    client.close()
    stack.wait_for(lambda report: not report.workers, 60, "the client has left")
    stop(server)
    assert (stack.run_dir / "checkpoints" / "step_200" / "figures.json").exists()

    server = stack.start("a3c64.paramserver", web_port=free_port())
    client, _, update = join(stack)
    assert stack.report().episodes == 100
    assert stack.report().joined == 2
    [lap] = stack.report().figures
    assert (lap.name, lap.least, lap.most) == ("best_lap_s", 30.0, 30.0)
    push(client, update, reward=0.0)
    stack.wait_for(lambda report: report.episodes == 101, 60, "an episode")
    assert stack.report().mean_return == 99.0
    until(lambda: report.exists() and json.loads(report.read_text())["steps"] == 220, 60, "the page's points")
    now = json.loads(report.read_text())["history"]
    points, nothing = len(history["seconds"]), {"best_lap_s": [None] * 1000}
    before, after = ((nothing | curves.pop("figures"))["best_lap_s"][:points] for curves in (history, now))
    assert before == after
    assert {name: values[:points] for name, values in now.items()} == history
    assert now["seconds"] == sorted(now["seconds"])
    client.close()
    stop(server)
    assert set(charted(stack, "rollout/ep_rew_mean")) == {100.0, 99.0}

    server = stack.start("a3c64.paramserver", "--env-args", '{"easy": true}')
    client, _, _ = join(stack)
    assert (stack.report().episodes, stack.report().mean_return, stack.report().figures) == (101, None, ())
    client.close()
    stop(server)


@pytest.mark.parametrize(("decay", "low", "high"), [(0, 0.99, 1.01), (100, 0.1, 0.95)])
def test_the_pace_follows_a_falling_target(stack, decay, low, high):
    server = stack.start("a3c64.paramserver", "--target-kl-decay-steps", str(decay))
    client, _, update = join(stack)
    for _ in range(10):  # 200 steps with the first target, 0.01
        update = client.push(ONES, signature(SPECS), update.version, 20, {"kl": 0.01}, [])
    client.close()
    stop(server)
    assert low < checkpoint.newest(stack.run_dir / "checkpoints").pace < high


def test_the_pace_continues_after_a_restart(stack):
    server = stack.start("a3c64.paramserver")
    client, _, update = join(stack)
    for _ in range(10):
        update = client.push(ONES, signature(SPECS), update.version, 20, {"kl": 1.0}, [])
    client.close()
    stop(server)
    reached = checkpoint.newest(stack.run_dir / "checkpoints").pace
    assert reached < 0.9
    server = stack.start("a3c64.paramserver", "--resume")
    client, _, update = join(stack)
    push(client, update)
    client.close()
    stop(server)
    assert (checkpoint.steps(stack.run_dir / "checkpoints")[0], charted(stack, "train/pace")[-1]) == (
        220,
        pytest.approx(reached),
    )


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text("["), lambda path: path.write_text('{"episodes": "x"}')]
)
def test_a_damaged_figures_file_loses_only_the_figures(stack, damage):
    make_run(stack)
    damage(stack.run_dir / "checkpoints" / "step_20" / "figures.json")
    server = stack.start("a3c64.paramserver")
    until(stack.report, 60, "the server")
    assert (stack.report().steps, stack.report().episodes) == (20, 0)
    stop(server)


def replace(path, make):
    path.unlink(missing_ok=True)
    make(path)


@pytest.mark.timeout(60)
def test_unusual_files_never_prevent_a_start(stack):
    make_run(stack, score=5.0)
    run = stack.run_dir
    for name in ("evaluation.json", "config.json", "command.txt", "server.json"):
        replace(run / name, os.mkfifo)
    shutil.copytree(run / "checkpoints" / "step_20", run / "checkpoints" / "step_30")
    replace(run / "checkpoints" / "step_30" / "state.json", os.mkfifo)
    replace(run / "best" / "step_20" / "state.json", os.mkfifo)
    server = stack.start("a3c64.paramserver")
    client, _, update = join(stack)
    assert push(client, update).step == 40
    evaluate(stack, 4.0)
    client.close()
    stop(server)
    assert checkpoint.newest(run / "checkpoints").step == 40
    assert checkpoint.newest(run / "best").score["mean_reward"] == 4.0
    for name in ("evaluation.json", "config.json"):
        json.loads((run / name).read_text())


def test_a_folder_whose_name_is_not_utf_8_works(stack):
    stack.run_dir = Path(os.fsdecode(os.fsencode(stack.folder) + b"/r\xffn"))
    web, board = free_port(), free_port()
    server = stack.start("a3c64.paramserver", "--run-dir", str(stack.run_dir), web_port=web, tensorboard_port=board)
    client, _, update = join(stack)
    push(client, update)
    assert (stack.report().run, stack.report().server.run_dir) == ("r\ufffdn", f"{stack.folder}/r\ufffdn")
    for url, wanted in ((f"{web}/run.json", "r\ufffdn"), (f"{board}/data/runs", ".")):

        def answer(url=url, wanted=wanted):
            try:
                found = get_json(f"http://127.0.0.1:{url}")
                return wanted in (found.values() if isinstance(found, dict) else found)
            except OSError:
                return False

        until(answer, 60, url)
    client.close()
    stop(server)
    status = stack.run("a3c64.paramserver", "--resume", "--total-timesteps", "20", run_dir=stack.run_dir)
    assert (status.returncode, status.stderr) == (0, "")
    assert b"/r\xffn" in (stack.run_dir / "command.txt").read_bytes()
    assert checkpoint.newest(stack.run_dir / "checkpoints").step == 20


GOOD = {"step": 20, "version": 1, "seconds": 1.0, "episodes": 1, "mean_reward": 5.0, "mean_length": 2.0, "means": {}}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "odd",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text("7"),
        lambda path: path.write_text('[{"step": 20}]'),
        lambda path: path.write_text(json.dumps([GOOD]).replace("5.0", "1e999")),
        lambda path: path.write_text(json.dumps([GOOD]).replace("20", "1e999")),
        lambda path: path.write_text(json.dumps([GOOD]).replace("5.0", "NaN")),
        lambda path: path.write_text(json.dumps([GOOD | {"means": 7}])),
        lambda path: path.write_bytes(b"\xff"),
    ],
)
def test_a_damaged_evaluation_json_is_set_aside(tmp_path, caplog, odd):
    folder = RunFolder(tmp_path, keep=5)
    odd(tmp_path / "evaluation.json")
    assert folder.evaluations().all == []
    assert "is damaged and was set aside" in caplog.text
    assert os.path.lexists(tmp_path / "evaluation.json.damaged")
    (tmp_path / "evaluation.json").write_text(json.dumps([GOOD]))
    assert [one.mean_reward for one in folder.evaluations().all] == [5.0]
