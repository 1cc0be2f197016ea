"""The fading imitation loss: its gradient, its weight, its end, and `train --demonstrations`."""

import json
import threading

import numpy as np
import pytest
import tensorflow as tf
from teaching import STEPS, drive_and_record
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise
from a3c64.policy import checkpoint
from a3c64.teaching import movies
from a3c64.worker.fading import Fading

SMALL = {"env_args": '{"course": "meadow", "telemetry": true}', "frame_size": 16, "frame_colours": "grey", "t_max": 10}


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    return drive_and_record(tmp_path_factory.mktemp("movie"))


def of_run(**changes):
    hyperparameters = Hyperparameters(**SMALL | changes)
    return hyperparameters, movies.of_run(hyperparameters, "", threading.Event())


@pytest.mark.parametrize("memory", [{"frame_stack": 2}, {"frame_stack": 1, "lstm_size": 8}])
def test_the_imitation_loss_falls_and_its_weight_reaches_zero(movie, memory):
    hyperparameters, shown = of_run(
        demonstrations=str(movie.parent), imitation_cost=2.0, imitation_steps=1000, max_gradient_norm=0.5, **memory
    )
    assert shown.steps == STEPS
    network = design(shown.shape, shown.family, hyperparameters)
    fading = Fading(shown, network, hyperparameters, 2, [1])
    assert [fading.weight(step) for step in (0, 250, 1000, 5000)] == [2.0, 1.5, 0.0, 0.0]
    weights, statistics, losses = initialise(network.specs, 1), {}, []
    nothing = np.zeros(len(weights), np.float32)
    for _ in range(60):
        vector = fading.add(nothing, weights, 0, statistics)
        assert np.linalg.norm(vector) <= 0.5 * 1.0001
        weights = weights - np.float32(0.05) * vector
        losses.append(statistics["imitation_loss"])
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    statistics.clear()
    gradient = np.ones(len(weights), np.float32)
    assert fading.add(gradient, weights, 1000, statistics) is gradient
    assert fading.add(gradient, weights, 0, statistics) is gradient  # the demonstrations are gone
    assert statistics == {}


def test_the_gradient_is_that_of_the_log_probability(movie):
    hyperparameters, shown = of_run(demonstrations=str(movie.parent), imitation_cost=3.0, max_gradient_norm=1e9)
    network = design(shown.shape, shown.family, hyperparameters)
    weights = initialise(network.specs, 2)
    fading, again = (Fading(shown, network, hyperparameters, 2, [5]) for _ in range(2))
    batch = again._lessons.draw(np.random.default_rng([5]))
    vector = fading.add(np.zeros(len(weights), np.float32), weights, 0, {})

    def loss(flat):
        from a3c64.learning.forward import forward

        parameters, _ = forward(
            network, tf.constant(flat), *map(tf.constant, batch.observations), tf.constant(batch.starts),
            *map(tf.constant, batch.memory),
        )  # fmt: skip
        log_p = tf.nn.log_softmax(parameters).numpy()
        return -np.take_along_axis(log_p, batch.actions[..., None], 2).mean()

    direction = vector / np.linalg.norm(vector)
    width = np.float32(1e-3)
    slope = (loss(weights + width * direction) - loss(weights - width * direction)) / (2 * width)
    assert 3.0 * slope == pytest.approx(float(np.linalg.norm(vector)), rel=0.03)


def test_a_worker_without_the_folder_learns_without_demonstrations(caplog):
    assert of_run(demonstrations="/nowhere/at/all")[1] is None
    assert "does not exist here; this worker learns without it" in caplog.text
    assert of_run()[1] is None


@pytest.mark.timeout(600)
def test_train_uses_demonstrations_until_their_end_and_resumes(stack, movie):
    clean = {"lstm_size": "", "envs_per_worker": 2, "env_id": "", "t_max": "", "discount": "", "eval_interval": 0}
    flags = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    train = ["a3c64", "train", "--workers", "1"]
    new = [*train, *flags, "--imitation-steps", "100", "--total-timesteps"]
    refused = stack.run(*new, "60", "--demonstrations", str(stack.folder), timeout_s=240, **clean)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "--demonstrations: no movie (.m64) found in" in refused.stderr
    assert not stack.run_dir.exists()
    trained = stack.run(*new, "60", "--demonstrations", str(movie.parent), timeout_s=240, **clean)
    assert trained.returncode == 0, trained.stderr
    assert f"1 episodes, {STEPS} steps; 0.0 % of the actions are not among the agent's" in trained.stdout
    config = json.loads((stack.run_dir / "config.json").read_text())
    assert config["demonstrations"] == str(movie.parent)
    first = checkpoint.newest(stack.run_dir / "checkpoints").step
    resumed = stack.run(*train, "--total-timesteps", "300", timeout_s=240, **clean)
    assert resumed.returncode == 0, resumed.stderr
    assert checkpoint.newest(stack.run_dir / "checkpoints").step >= 300 > first
    charts = EventAccumulator(str(stack.run_dir / "tensorboard")).Reload().Tags()["tensors"]
    assert "train/imitation_loss" in charts
