"""The two ways in which an actor gives new weights to ONNX Runtime."""

import gymnasium as gym
import numpy as np
import pytest

from a3c64.envs.actions import family_of
from a3c64.envs.spaces import Observations, View
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor, Binding, Memory, Packing
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise

B = 3
IMAGE = gym.spaces.Box(0, 255, (42, 42, 1), np.uint8)
VECTOR = gym.spaces.Box(-1, 1, (5,), np.float32)
RNG = np.random.default_rng(0)


def network_for(space):
    hyperparameters = Hyperparameters(lstm_size=8, frame_stack=1)
    return design(View(space, 42, "rgb").shape, family_of(gym.spaces.Discrete(4)), hyperparameters)


def observations_of(shape):
    pictures = RNG.integers(0, 256, (B, *shape.image), np.uint8)
    return Observations(pictures, RNG.normal(size=(B, shape.vector)).astype(np.float32))


@pytest.mark.parametrize(
    ("space", "batch", "runtime"), [(IMAGE, 1, Binding), (IMAGE, 2, Packing), (VECTOR, 2, Binding)]
)
def test_weights_are_bound_for_one_image_and_for_vectors(space, batch, runtime):
    """A new session for each rollout of 5 steps took two thirds of the time for acting."""
    assert type(Actor(network_for(space), batch)._runtime) is runtime


@pytest.mark.parametrize("runtime", [Packing, Binding])
@pytest.mark.parametrize("space", [IMAGE, VECTOR])
def test_the_actor_uses_newly_loaded_weights(space, runtime):
    network = network_for(space)
    actor, weights, seen = Actor(network, B), initialise(network.specs, seed=1), observations_of(network.shape)
    actor._runtime = runtime(network, B)
    zeros, values = np.zeros(B, np.float32), []
    for factor in (1.0, 2.0):
        actor.load(np.float32(factor) * weights)
        values.append(actor.act(seen, zeros, actor.forget()).values)
    assert (values[0] != values[1]).all()


@pytest.mark.parametrize("space", [IMAGE, VECTOR, gym.spaces.Dict({"picture": IMAGE, "speed": VECTOR})])
def test_bound_weights_compute_the_same_as_packed_ones(space):
    network = network_for(space)
    weights, seen = initialise(network.specs, seed=1), observations_of(network.shape)
    memory = Memory(*RNG.normal(size=(2, B, network.units)).astype(np.float32))
    results = []
    for runtime in (Packing, Binding):
        actor = Actor(network, B)
        actor._runtime = runtime(network, B)
        actor.load(weights)
        action = actor.act(seen, np.zeros(B, np.float32), memory)
        results.append([action.parameters, action.values, *action.memory])
    for of_packing, of_binding in zip(*results, strict=True):
        np.testing.assert_allclose(of_packing, of_binding, rtol=1e-5, atol=1e-6)
