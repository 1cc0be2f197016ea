"""The network and its losses against slow, independent computations of the same numbers."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agent import lstm
from agent.config import BadInputError, Hyperparameters
from agent.distributions import Categorical, MultiCategorical, for_space
from agent.losses import a3c_losses
from agent.model import Policy
from agent.parameters import initialise, named_views, signature, total_size

T, B = 6, 3
IMAGE = gym.spaces.Box(0, 255, (42, 42, 1), np.uint8)
VECTOR = gym.spaces.Box(-1, 1, (5,), np.float32)


def make_policy(space=VECTOR, actions=None, **changes):
    hyperparameters = Hyperparameters(t_max=T, lstm_size=changes.pop("lstm_size", 8), **changes)
    policy = Policy(space, actions or gym.spaces.Discrete(4), hyperparameters, B)
    policy.load(initialise(policy.specs, seed=1))
    return policy


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_losses_are_the_papers():
    rng = np.random.default_rng(0)
    logits, values = rng.normal(size=(T, B, 4)), rng.normal(size=(T, B))
    actions, advantages, returns = rng.integers(4, size=(T, B)), rng.normal(size=(T, B)), rng.normal(size=(T, B))
    losses = a3c_losses(
        Categorical(4),
        *(tf.constant(x, tf.float32) for x in (logits, values)),
        tf.constant(actions, tf.int32),
        *(tf.constant(x, tf.float32) for x in (advantages, returns)),
        entropy_cost=0.3,
        value_cost=0.7,
    )
    policy = value = entropy = 0.0
    for t in range(T):
        for b in range(B):
            log_p = log_softmax(logits[t, b])
            policy -= log_p[actions[t, b]] * advantages[t, b] / (T * B)
            value += 0.5 * (returns[t, b] - values[t, b]) ** 2 / (T * B)
            entropy -= (np.exp(log_p) * log_p).sum() / (T * B)
    np.testing.assert_allclose([float(x) for x in losses[1:]], [policy, value, entropy], rtol=1e-5)
    assert float(losses.total) == pytest.approx(policy + 0.7 * value - 0.3 * entropy, abs=1e-5)


def test_lstm_backward_is_what_autodiff_says():
    units = 5
    rng = np.random.default_rng(3)
    tensors = [
        tf.constant(rng.normal(size=shape), tf.float32)
        for shape in [(T, B, 4 * units), (B, units), (B, units), (units, 4 * units), (T, B, units)]
    ]
    projected, cell, hidden, recurrent, weight = tensors
    keep = tf.constant(rng.random((T, B)) > 0.3, tf.float32)

    def by_tape():
        state, hiddens = lstm.State(cell, hidden), []
        for t in range(T):
            kept = keep[t][:, None]
            state, _ = lstm.step(projected[t], lstm.State(state.cell * kept, state.hidden * kept), recurrent)
            hiddens.append(state.hidden)
        return tf.stack(hiddens)

    results = []
    for forward in (by_tape, lambda: lstm.unroll(projected, keep, cell, hidden, recurrent)):
        with tf.GradientTape() as tape:
            tape.watch([projected, cell, hidden, recurrent])
            output = forward()
            scalar = tf.reduce_sum(output * weight)
        results.append([output, *tape.gradient(scalar, [projected, cell, hidden, recurrent])])
    for ours, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [8, 0])
def test_gradient_sees_what_acting_saw(units):
    """Acting step by step and unrolling the rollout must be one function: V(s_t) of both are equal, resets included."""
    policy = make_policy(lstm_size=units, max_gradient_norm=1e9, entropy_cost=0.0, value_cost=1.0)
    rng = np.random.default_rng(5)
    observations = rng.normal(size=(T, B, 5)).astype(np.float32)
    starts = (rng.random((T, B)) < 0.4).astype(np.float32)
    state = policy.initial_state()
    values = np.zeros((T, B), np.float32)
    for t in range(T):
        action = policy.act(observations[t], starts[t], state, np.array([t, 1], np.int32))
        values[t], state = action.values, action.state
    zeros = np.zeros((T, B), np.float32)
    gradient = policy.gradient(observations, starts, zeros.astype(np.int32), zeros, values, policy.initial_state())
    assert gradient.value_loss < 1e-9, "targets equal to the values seen while acting leave no value loss"
    assert gradient.vector.shape == (total_size(policy.specs),)


def test_gradient_is_the_slope_of_the_loss():
    policy = make_policy(max_gradient_norm=1e9)
    rng = np.random.default_rng(6)
    arguments = (
        rng.normal(size=(T, B, 5)).astype(np.float32),
        np.zeros((T, B), np.float32),
        rng.integers(4, size=(T, B)).astype(np.int32),
        rng.normal(size=(T, B)).astype(np.float32),
        rng.normal(size=(T, B)).astype(np.float32),
        policy.initial_state(),
    )
    h = policy.hyperparameters

    def total(weights):
        policy.load(weights.astype(np.float32))
        g = policy.gradient(*arguments)
        return g.policy_loss + h.value_cost * g.value_loss - h.entropy_cost * g.entropy

    weights = policy.flat()
    gradient = policy.gradient(*arguments)
    direction = gradient.vector / np.linalg.norm(gradient.vector)
    step = 3e-3
    slope = (total(weights + step * direction) - total(weights - step * direction)) / (2 * step)
    assert slope == pytest.approx(gradient.norm, rel=0.02)


def test_long_gradients_are_scaled_down():
    policy = make_policy(max_gradient_norm=0.01)
    ones = np.ones((T, B), np.float32)
    gradient = policy.gradient(
        np.ones((T, B, 5), np.float32), ones, ones.astype(np.int32), 10 * ones, 10 * ones, policy.initial_state()
    )
    assert gradient.norm > 0.01
    assert np.linalg.norm(gradient.vector) == pytest.approx(0.01, rel=1e-4)


def test_weights_go_in_and_come_out_the_same():
    policy = make_policy(IMAGE)
    weights = np.random.default_rng(0).normal(size=total_size(policy.specs)).astype(np.float32)
    policy.load(weights)
    np.testing.assert_array_equal(policy.flat(), weights)
    with pytest.raises(ValueError, match="shape"):
        policy.load(weights[1:])


@pytest.mark.parametrize("trunk", ["compact", "universe"])
def test_image_policy_acts_and_differentiates(trunk):
    policy = make_policy(IMAGE, trunk=trunk)
    frames = np.random.default_rng(1).integers(0, 256, (T, B, 42, 42, 1), np.uint8)
    starts = np.zeros((T, B), np.float32)
    action = policy.act(frames[0], starts[0], policy.initial_state(), np.array([1, 2], np.int32))
    assert action.actions.shape == (B,)
    assert action.actions.dtype == np.int32
    gradient = policy.gradient(frames, starts, starts.astype(np.int32), starts + 1, starts + 1, policy.initial_state())
    for name, view in named_views(gradient.vector, policy.specs):
        assert np.abs(view).max() > 0, f"no gradient reaches {name}"


def test_samples_follow_the_probabilities():
    logits = np.log(np.array([0.1, 0.2, 0.7], np.float32))
    draws = Categorical(3).sample(tf.tile(logits[None], [20000, 1]), tf.constant([1, 2])).numpy()
    np.testing.assert_allclose(np.bincount(draws, minlength=3) / 20000, [0.1, 0.2, 0.7], atol=0.015)


def test_multi_categorical_is_independent_choices():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(T, 5)).astype(np.float32)
    actions = np.stack([rng.integers(2, size=T), rng.integers(3, size=T)], 1).astype(np.int32)
    both = MultiCategorical([2, 3])
    first, second = Categorical(2), Categorical(3)
    expected = first.log_probability(logits[:, :2], actions[:, 0]) + second.log_probability(
        logits[:, 2:], actions[:, 1]
    )
    np.testing.assert_allclose(both.log_probability(logits, actions), expected, rtol=1e-5)
    entropy = first.entropy(logits[:, :2]) + second.entropy(logits[:, 2:])
    np.testing.assert_allclose(both.entropy(logits), entropy, rtol=1e-5)
    assert both.sample(logits, tf.constant([1, 2])).shape == (T, 2)


def test_a_space_without_distribution_is_named():
    with pytest.raises(BadInputError, match="Box"):
        for_space(VECTOR)


def test_signature_changes_with_names_and_shapes_only():
    one, other = make_policy(), make_policy(lstm_size=9)
    assert signature(one.specs) == make_policy(seed=3).signature
    assert one.signature != other.signature


def test_orthogonal_start():
    policy = make_policy()
    views = dict(named_views(initialise(policy.specs, 0), policy.specs))
    kernel = views["lstm/recurrent"]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(8), atol=1e-5)
    assert not views["lstm/bias"].any()
