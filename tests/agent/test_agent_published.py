"""The presets of published agents: updates and networks against the published formulas, in double precision."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from a3c64.config import load
from a3c64.envs.actions import family_of
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.spaces import Observations, View
from a3c64.learning.forward import forward
from a3c64.learning.learner import Learner
from a3c64.learning.network import design
from a3c64.learning.parameters import learned_size
from a3c64.learning.scaling import RewardScale
from a3c64.paramserver.optimiser import MEAN_SQUARE
from a3c64.paramserver.weights import SharedWeights

SCREEN = gym.spaces.Box(0, 255, (210, 160), np.uint8)
NORM = 40.0  # of gradients of sums, in universe-starter-agent and in reimplementations of the paper
UPDATES = 3
OLD = 100_000  # updates after which the bias correction of RMSProp is 1; published RMSProp has none


def published(preset):
    """Return the preset's hyperparameters and its network for an Atari game with four actions."""
    hyperparameters = load({"preset": preset, "env_id": "ALE/Breakout-v5"}).hyperparameters()
    view = View(SCREEN, hyperparameters.frame_size, hyperparameters.frame_colours, hyperparameters.frame_stack)
    return hyperparameters, design(view.shape, family_of(gym.spaces.Discrete(4)), hyperparameters)


def slope_of_sums(network, flat, observations, starts, actions, advantages, returns, memory):
    """Return the gradient of the sums in algorithm S3 of Mnih et al. 2016. The value's part has the weight 0.5."""
    with tf.GradientTape() as tape:
        weights = tf.constant(flat)
        tape.watch(weights)
        logits, values = forward(network, weights, *observations, starts, *memory)
        log_p = tf.nn.log_softmax(logits)
        chosen = tf.reduce_sum(log_p * tf.one_hot(actions, 4), -1)
        entropy = -tf.reduce_sum(tf.exp(log_p) * log_p)
        loss = -tf.reduce_sum(chosen * advantages) - 0.01 * entropy
        loss += 0.5 * tf.reduce_sum(tf.square(returns - values)) / 2
    return tape.gradient(loss, weights).numpy().astype(float)


@pytest.mark.parametrize("scale", [0.1, 1000.0], ids=["short", "clipped"])
@pytest.mark.parametrize(
    ("preset", "steps", "rate", "decay", "inside", "outside"),
    [
        # Mnih et al. 2016, equations 2 and 3, with an epsilon of 0.1 inside the root
        ("a3c-paper", 5, 7e-4, 0.99, 0.1, 0.0),
        # Adam without momentum, with an epsilon of 1e-8 outside of the root
        ("universe", 20, 1e-4, 0.999, 0.0, 1e-8),
    ],
)
def test_updates_are_those_of_summed_losses(preset, steps, rate, decay, inside, outside, scale):
    hyperparameters, network = published(preset)
    assert (hyperparameters.t_max, hyperparameters.envs_per_worker, hyperparameters.epochs) == (steps, 1, 1)
    learner, shared = Learner(network, hyperparameters, 1), SharedWeights(hyperparameters, None)
    shared.begin(network.specs)
    rng = np.random.default_rng(0)
    size = learned_size(network.specs)
    g = rng.uniform(0.0, 1e-3, size).astype(np.float32)  # the published agent's mean of squared gradients of sums
    snapshot = shared.snapshot()
    snapshot.optimiser[MEAN_SQUARE][...] = g / steps**2
    shared._take(snapshot._replace(version=OLD))
    g = g.astype(float)
    for _ in range(UPDATES):
        observations = Observations(
            rng.integers(0, 256, (steps, 1, *network.shape.image), np.uint8), np.zeros((steps, 1, 0), np.float32)
        )
        starts = np.zeros((steps, 1), np.float32)
        actions = rng.integers(4, size=(steps, 1)).astype(np.int32)
        memory = [rng.normal(size=(1, network.units)).astype(np.float32) for _ in range(2)]
        behaviour = np.zeros((steps, 1, 4), np.float32)  # not used: there is no surrogate clip

        before = shared.vector.copy()
        learner.load(before)
        advantages = (scale * rng.normal(size=(steps, 1))).astype(np.float32)
        returns = learner.forward(observations, starts, memory)[1] + advantages
        d = slope_of_sums(network, before, observations, starts, actions, advantages, returns, memory)
        assert (np.linalg.norm(d) > NORM) == (scale > 1.0)
        d *= min(1.0, NORM / np.linalg.norm(d))
        g = decay * g + (1.0 - decay) * d**2
        expected = -rate * d / (np.sqrt(g + inside) + outside)

        found = learner.gradient(observations, starts, actions, behaviour, advantages, returns, memory)
        shared.apply(found.vector, steps)
        shared.count(steps)
        step = shared.vector.astype(float) - before
        assert np.linalg.norm(step - expected) < 1e-4 * np.linalg.norm(expected)  # the weights are float32


def test_a3c_paper_has_the_papers_network():
    hyperparameters, network = published("a3c-paper")
    assert network.shape.image == (84, 84, 4)
    assert [(layer.filters, layer.kernel, layer.stride) for layer in network.image[:-1]] == [(16, 8, 4), (32, 4, 2)]
    assert (network.memory.units, network.memory.activation, network.units) == (256, "relu", 0)
    assert hyperparameters.rewards == "clipped"


def test_universe_has_the_network_of_universe_starter_agent():
    hyperparameters, network = published("universe")
    assert network.shape.image == (42, 42, 1)
    assert [(layer.filters, layer.kernel, layer.stride, layer.activation) for layer in network.image[:-1]] == [
        (32, 3, 2, "elu")
    ] * 4
    assert network.units == 256
    assert sum(np.prod(spec.shape) for spec in network.specs if spec.name.startswith("lstm/")) == 1024 * (288 + 256 + 1)
    assert hyperparameters.rewards == "raw"


@pytest.mark.parametrize("env_id", ["ALE/Breakout-v5", "ALE/Pong-v5"])
def test_atari_is_set_up_as_in_the_paper(env_id):
    pytest.importorskip("ale_py")
    hyperparameters = load({"preset": "a3c-paper", "env_id": env_id}).hyperparameters()
    batch = EnvironmentBatch.make(hyperparameters, 0)
    try:
        assert batch.observations.image.shape == (1, 84, 84, 4)
        assert batch.environments[0].spec.kwargs["frameskip"] == 4
        assert batch.environments[0].spec.kwargs["repeat_action_probability"] == 0.25, "newer than the paper"
    finally:
        batch.close()
    scale = RewardScale(hyperparameters.rewards, 1, hyperparameters.discount)
    np.testing.assert_array_equal(scale(np.array([7.0], np.float32), np.array([False])), [1.0])
