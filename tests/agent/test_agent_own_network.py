"""The setting `network`: a user's Keras layers learn in TensorFlow and act in ONNX Runtime, with the same weights."""

import gymnasium as gym
import numpy as np
import onnxruntime
import pytest

from a3c64.config import BadInputError
from a3c64.envs.actions import family_of
from a3c64.envs.spaces import Observations, Shape
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor
from a3c64.learning.learner import Learner
from a3c64.learning.network import design
from a3c64.learning.own_network import OwnNetwork
from a3c64.learning.parameters import initialise, named_views
from a3c64.policy import checkpoint, onnx_file, policy_file
from a3c64.policy.fitted import fit

T, B = 3, 2
IMAGE, NONE = (42, 42, 6), (0, 0, 0)
FAMILY = family_of(gym.spaces.Discrete(5))


def observations(image, vector):
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (T, B, *image), np.uint8)
    return Observations(images, generator.normal(size=(T, B, vector)).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "image", "vector", "settings"),
    [
        ("same_as_default", IMAGE, 0, {}),
        ("attention", IMAGE, 0, {"lstm_size": 6}),
        ("recurrent", NONE, 4, {}),
        ("gelu", NONE, 4, {}),
        ("both", IMAGE, 4, {"normalise_observations": True}),
    ],
)
def test_acting_and_learning_compute_the_same(name, image, vector, settings):
    given = Hyperparameters(network=f"own_networks:{name}", t_max=T, **settings)
    network = design(Shape(image, vector), FAMILY, given)
    flat = initialise(network.specs, 0)
    flat += np.random.default_rng(2).normal(0.0, 0.1, flat.size).astype(np.float32)  # also what begins with zeros
    actor, learner = Actor(network, B), Learner(network, given, B)
    actor.load(flat)
    learner.load(flat)
    seen, starts, memory = observations(image, vector), np.zeros((T, B), np.float32), actor.forget()
    parameters, values = learner.forward(seen, starts, memory)
    assert np.ptp(parameters) > 0
    for t in range(T):
        action = actor.act(Observations(seen.image[t], seen.vector[t]), starts[t], memory)
        memory = action.memory
        np.testing.assert_allclose(action.parameters, parameters[t], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(action.values, values[t], rtol=1e-5, atol=1e-5)


def test_each_variable_has_a_gradient():
    given = Hyperparameters(network="own_networks:gelu", t_max=T)
    network = design(Shape(NONE, 4), FAMILY, given)
    learner = Learner(network, given, B)
    learner.load(initialise(network.specs, 0))
    ones, memory = np.ones((T, B), np.float32), Actor(network, B).forget()
    seen, behaviour = observations(NONE, 4), np.zeros((T, B, 5), np.float32)
    actions = np.zeros((T, B), FAMILY.dtype)
    slope = learner.gradient(seen, 0 * ones, actions, behaviour, ones, ones, memory).vector
    assert all(np.abs(part).max() > 0 for _, part in named_views(slope, network.specs))


def test_the_first_values_are_as_the_users_initialisers_say():
    network = OwnNetwork("own_networks:same_as_default", IMAGE, 0, standardised=False)
    stored = dict(named_views(initialise(network.specs, 0), network.specs))
    kernel, bias = stored["own/6_kernel"], stored["own/7_bias"]
    assert kernel.std() == pytest.approx(np.sqrt(2 / (288 + 256)), rel=0.02), "Glorot's, Keras' default"
    assert not bias.any()
    again = OwnNetwork("own_networks:same_as_default", IMAGE, 0, standardised=False)
    assert again.specs == network.specs, "also their sizes, so that a deterministic run can be repeated"


def test_values_that_do_not_depend_on_chance_are_kept():
    """Such as the ones of a normalisation, and those of an LSTM's forget gate."""
    network = OwnNetwork("own_networks:recurrent", NONE, 4, standardised=False)
    bias = next(k for k, spec in enumerate(network.specs) if spec.name.endswith("bias"))
    assert network.specs[bias].gain == 0.0
    assert network._offsets[bias].tolist() == [0.0] * 5 + [1.0] * 5 + [0.0] * 10


def test_a_user_module_leaves_random_numbers_as_they_were():
    np.random.seed(7)
    expected = np.random.random()
    np.random.seed(7)
    OwnNetwork("own_networks:gelu", NONE, 4, standardised=False)
    assert np.random.random() == expected


def test_an_exported_policy_acts_as_the_actor(tmp_path):
    given = Hyperparameters(env_id="CartPole-v1", network="own_networks:gelu", frame_stack=1, lstm_size=4)
    with gym.make("CartPole-v1") as env:
        specs = design(Shape(NONE, 4), family_of(env.action_space), given).specs
        trained = policy_file.of(checkpoint.first(specs, 0, given.model_dump()))
        policy = policy_file.load(policy_file.save(tmp_path / "a.safetensors", trained))
        fitted = fit(policy, given, env)
        path = onnx_file.save(tmp_path / "a.onnx", fitted)
    actor = Actor(fitted.network, B)
    actor.load(policy.weights)
    seen = observations(NONE, 4).vector[0]
    action = actor.act(Observations(np.zeros((B, *NONE), np.uint8), seen), np.zeros(B, np.float32), actor.forget())
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    state = {"cell": np.zeros((B, 4), np.float32), "hidden": np.zeros((B, 4), np.float32)}
    logits, value, hidden = session.run(["logits", "value", "next_hidden"], {"vector": seen, **state})
    np.testing.assert_allclose(logits, action.parameters, atol=1e-5)
    np.testing.assert_allclose(value[:, 0], action.values, atol=1e-5)
    np.testing.assert_allclose(hidden, action.memory.hidden, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own_networks:not_a_network", "it must return features [batch, features] of Keras layers, found (None, 4)"),
        ("own_networks:a_picture", "it must return features [batch, features] of Keras layers, found <KerasTensor"),
        ("own_networks:broken", "it raised ValueError: "),
        ("own_networks:without_onnx", "it cannot be converted to ONNX: "),
        ("own_networks:nothing", "own_networks has no 'nothing'"),
        ("nowhere:any", "there is no module 'nowhere'"),
    ],
)
def test_a_network_that_cannot_be_used_is_one_line(name, said):
    with pytest.raises(BadInputError) as error:
        OwnNetwork(name, IMAGE, 4, standardised=False)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
