"""On a full disk a server loses only what it could not write."""

import json
import os
import signal
import threading

import numpy as np
from live import until

from a3c64.envs.episode import Episode
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.policy import checkpoint
from a3c64.wire.client import Client
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.transport import SocketTransport

SPECS = [ParameterSpec("w", (100, 100), 1.0)]  # a checkpoint of 80 KB
ONES = np.full(10_000, 0.05, np.float32)


def test_failed_writes_are_repeated_or_reported(stack, tiny_disk):
    stack.run_dir = tiny_disk / "run"
    filler = tiny_disk / "filler"
    server = stack.start("a3c64.paramserver", checkpoint_interval=0.3, status_interval=60, keep_checkpoints=1)
    client = Client(SocketTransport(stack.server), "worker", "worker", threading.Event())
    client.hello()
    update = client.join(SPECS)

    def push():
        nonlocal update
        update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
        return update.step

    def fill():
        with filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    push()
    until(lambda: (stack.run_dir / "checkpoints" / "step_20").exists(), 60, "a checkpoint")
    fill()
    judge = EvaluatorClient(SocketTransport(stack.server), "judge", "judge", threading.Event())
    judge.hello()
    assert judge.score(judge.pull(), [Episode(7.0, 20, {})])
    assert checkpoint.newest(stack.run_dir / "best") is None
    filler.unlink()
    until(lambda: checkpoint.newest(stack.run_dir / "best"), 60, "the best weights, once there is room")
    assert checkpoint.newest(stack.run_dir / "best").score["mean_reward"] == 7.0
    until((stack.run_dir / "evaluation.json").exists, 60, "the evaluation, which is written after the weights")
    [one] = json.loads((stack.run_dir / "evaluation.json").read_text())
    assert one["mean_reward"] == 7.0

    fill()
    step = push()
    threading.Event().wait(0.5)
    os.truncate(filler, 0)
    until(lambda: (stack.run_dir / "checkpoints" / f"step_{step}").exists(), 60, "a checkpoint, once there is room")
    fill()
    fill()
    push()
    judge.close()
    client.close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 1
    assert f"step {step + 20} was reached, step {step} is the newest checkpoint" in stack.log(server)
    assert checkpoint.newest(stack.run_dir / "checkpoints").step == step
