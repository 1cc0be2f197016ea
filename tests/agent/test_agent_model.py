"""The network of actor and learner, and its losses, against slow, independent computations of the same numbers."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from a3c64.envs.actions import family_of
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.masks import FORBIDDEN
from a3c64.envs.spaces import Observations, Shape, View
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning import forward, graph, lstm
from a3c64.learning.actor import Actor
from a3c64.learning.distributions import Categorical
from a3c64.learning.layers import Layer
from a3c64.learning.learner import Learner
from a3c64.learning.losses import a3c_losses
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise, learned_size, named_views, signature, total_size
from a3c64.learning.scaling import Moments, packed
from a3c64.policy import policy_file

T, B = 6, 3
IMAGE = gym.spaces.Box(0, 255, (42, 42, 1), np.uint8)
VECTOR = gym.spaces.Box(-1, 1, (5,), np.float32)


EVERYTHING = gym.spaces.Dict({"picture": IMAGE, "speed": VECTOR, "gear": gym.spaces.Discrete(3)})
CHOICE = gym.spaces.Discrete(4)


def make(space=VECTOR, actions=CHOICE, **changes):
    """Return an actor and a learner of the same network, with the same weights."""
    hyperparameters = Hyperparameters(**{"t_max": T, "lstm_size": 8, "frame_stack": 1} | changes)
    network = design(View(space, 42, "rgb", hyperparameters.frame_stack).shape, family_of(actions), hyperparameters)
    actor, learner = Actor(network, B), Learner(network, hyperparameters, B)
    weights = initialise(network.specs, seed=1)
    actor.load(weights)
    learner.load(weights)
    return actor, learner


def random_observations(shape: Shape, rng: np.random.Generator) -> Observations:
    return Observations(
        rng.integers(0, 256, (T, B, *shape.image), np.uint8), rng.normal(size=(T, B, shape.vector)).astype(np.float32)
    )


def at(observations: Observations, t: int) -> Observations:
    return Observations(observations.image[t], observations.vector[t])


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_losses_match_the_paper():
    rng = np.random.default_rng(0)
    logits, values = rng.normal(size=(T, B, 4)), rng.normal(size=(T, B))
    actions, advantages, returns = rng.integers(4, size=(T, B)), rng.normal(size=(T, B)), rng.normal(size=(T, B))
    losses = a3c_losses(
        Categorical(4),
        *(tf.constant(x, tf.float32) for x in (logits, values)),
        tf.constant(actions, tf.int32),
        *(tf.constant(x, tf.float32) for x in (logits + 1.0, advantages, returns)),
        entropy_cost=0.3,
        value_cost=0.7,
        surrogate_clip=0.0,
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


def test_off_policy_samples_are_weighted_and_clipped_as_in_ppo():
    rng = np.random.default_rng(1)
    logits, values = rng.normal(size=(T, B, 4)), rng.normal(size=(T, B))
    behaviour = logits + 0.3 * rng.normal(size=(T, B, 4))
    actions, advantages = rng.integers(4, size=(T, B)), rng.normal(size=(T, B))
    given = tf.constant(logits, tf.float32)

    def loss(mu, clip):
        with tf.GradientTape() as tape:
            tape.watch(given)
            losses = a3c_losses(
                Categorical(4),
                given,
                tf.constant(values, tf.float32),
                tf.constant(actions, tf.int32),
                *(tf.constant(x, tf.float32) for x in (mu, advantages, values)),
                entropy_cost=0.0,
                value_cost=0.0,
                surrogate_clip=clip,
            )
        return float(losses.policy), tape.gradient(losses.total, given).numpy()

    expected, counts = 0.0, np.ones((T, B), bool)
    for t in range(T):
        for b in range(B):
            a, advantage = actions[t, b], advantages[t, b]
            ratio = np.exp(log_softmax(logits[t, b])[a] - log_softmax(behaviour[t, b])[a])
            expected -= min(ratio * advantage, min(max(ratio, 0.9), 1.1) * advantage) / (T * B)
            counts[t, b] = not (ratio > 1.1 if advantage > 0 else ratio < 0.9)
    policy, slope = loss(behaviour, 0.1)
    assert policy == pytest.approx(expected, rel=1e-4)
    assert 0 < counts.sum() < T * B
    np.testing.assert_array_equal(np.abs(slope).max(axis=-1) > 0, counts)  # a clipped sample has no gradient
    np.testing.assert_allclose(loss(logits, 0.1)[1], loss(logits, 0.0)[1], rtol=1e-3, atol=1e-6)  # on-policy


def test_lstm_gradients_match_automatic_differentiation():
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
            mask = keep[t][:, None]
            state, _ = lstm.step(projected[t], lstm.State(state.cell * mask, state.hidden * mask), recurrent)
            hiddens.append(state.hidden)
        return tf.stack(hiddens)

    results = []
    for unroll in (by_tape, lambda: lstm.unroll(projected, keep, cell, hidden, recurrent)):
        with tf.GradientTape() as tape:
            tape.watch([projected, cell, hidden, recurrent])
            output = unroll()
            scalar = tf.reduce_sum(output * weight)
        results.append([output, *tape.gradient(scalar, [projected, cell, hidden, recurrent])])
    for ours, theirs in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [8, 0])
@pytest.mark.parametrize(
    ("space", "actions", "changes"),
    [
        (VECTOR, CHOICE, {}),
        (IMAGE, gym.spaces.MultiDiscrete([2, 3]), {}),
        (IMAGE, CHOICE, {"trunk": "universe", "frame_stack": 4}),
        (IMAGE, CHOICE, {"trunk": "a3c"}),
        (IMAGE, CHOICE, {"trunk": "fine", "normalise_observations": True}),
        (IMAGE, CHOICE, {"normalise_observations": True}),
        (EVERYTHING, gym.spaces.Box(-2, 2, (3,), np.float32), {"normalise_observations": True}),
    ],
)
def test_actor_and_learner_compute_the_same_outputs(space, actions, changes, units):
    """Step by step in ONNX Runtime and unrolled in TensorFlow, parameters and values are equal, also after resets."""
    actor, learner = make(space, actions, lstm_size=units, **changes)
    rng = np.random.default_rng(5)
    weights = (learner.flat() + 0.05 * rng.normal(size=total_size(learner.specs))).astype(np.float32)
    actor.load(weights)
    learner.load(weights)
    seen = random_observations(actor.network.shape, rng)
    starts = (rng.random((T, B)) < 0.4).astype(np.float32)
    memory = actor.forget()
    parameters, values = learner.forward(seen, starts, memory)
    for t in range(T):
        action = actor.act(at(seen, t), starts[t], memory, rng)
        memory = action.memory
        np.testing.assert_allclose(action.values, values[t], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(action.parameters, parameters[t], rtol=1e-4, atol=1e-5)
        assert action.actions.shape == (B, *actor.network.family.shape)
        assert action.actions.dtype == actor.network.family.dtype
    assert np.ptp(values) > 1e-3, "values vary, so that equality means something"


def test_vectors_are_normalised_by_their_moments():
    actor, learner = make(normalise_observations=True)
    plain, _ = make()
    weights = learner.flat()
    learned = learned_size(learner.specs)
    mean, std = np.array([5.0, -3.0, 0.0, 100.0, 1.0]), np.array([2.0, 0.1, 1.0, 50.0, 3.0])
    weights[learned:] = packed(Moments(10.0, mean, std**2))
    actor.load(weights)
    plain.load(weights[:learned])
    scaled = np.random.default_rng(0).normal(size=(B, 5))
    zeros, image = np.zeros(B, np.float32), np.zeros((B, 0, 0, 0), np.uint8)
    ours = actor.act(Observations(image, (scaled * std + mean).astype(np.float32)), zeros, actor.forget())
    theirs = plain.act(Observations(image, scaled.astype(np.float32)), zeros, plain.forget())
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-3, atol=1e-4)
    far = actor.act(Observations(image, np.full((B, 5), 1e9, np.float32)), zeros, actor.forget())
    assert np.isfinite(far.values).all()


def test_outputs_do_not_depend_on_contrast_and_brightness():
    actor, learner = make(IMAGE, normalise_observations=True)
    actor.load(learner.flat())
    zeros, vector = np.zeros(B, np.float32), np.zeros((B, 0), np.float32)
    faint = np.random.default_rng(0).integers(10, size=(B, *actor.network.shape.image), dtype=np.uint8)
    values = [
        actor.act(Observations(image, vector), zeros, actor.forget()).values
        for image in (faint, 100 + faint, 20 * faint, np.full_like(faint, 87))
    ]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(values[2], values[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(values[3], 0.0, atol=1e-3)  # a uniform picture is scaled to 0, despite rounding


@pytest.mark.parametrize("actions", [CHOICE, gym.spaces.Box(-1, 1, (2,), np.float32)])
def test_gradient_is_the_slope_of_the_loss(actions):
    _, learner = make(actions=actions, max_gradient_norm=1e9)
    rng = np.random.default_rng(6)
    family = learner.network.family
    arguments = (
        random_observations(learner.network.shape, rng),
        np.zeros((T, B), np.float32),
        rng.integers(4, size=(T, B, *family.shape)).astype(family.dtype),
        0.1 * rng.normal(size=(T, B, family.outputs + family.free)).astype(np.float32),
        rng.normal(size=(T, B)).astype(np.float32),
        rng.normal(size=(T, B)).astype(np.float32),
        Actor(learner.network, B).forget(),
    )
    hyperparameters = learner.hyperparameters

    def total(weights):
        learner.load(weights.astype(np.float32))
        g = learner.gradient(*arguments)
        return g.policy_loss + hyperparameters.value_cost * g.value_loss - hyperparameters.entropy_cost * g.entropy

    weights = learner.flat()
    gradient = learner.gradient(*arguments)
    direction = gradient.vector / np.linalg.norm(gradient.vector)
    step = 3e-3
    slope = (total(weights + step * direction) - total(weights - step * direction)) / (2 * step)
    assert slope == pytest.approx(gradient.norm, rel=0.02)


@pytest.mark.parametrize("actions", [CHOICE, gym.spaces.MultiDiscrete([3, 4])])
def test_masked_actions_have_no_part_in_the_losses(actions):
    actor, _ = make(actions=actions)
    network, rng = actor.network, np.random.default_rng(8)
    hyperparameters = Hyperparameters(t_max=T, lstm_size=8, frame_stack=1, max_gradient_norm=1e9)
    learner, plain = (Learner(network, hyperparameters, B, masked) for masked in (True, False))
    weights = initialise(network.specs, seed=1)
    for one in (learner, plain):
        one.load(weights)
    sizes = [4] if actions is CHOICE else [3, 4]
    seen, zeros = random_observations(network.shape, rng), np.zeros((T, B), np.float32)
    allowed = rng.random((T, B, sum(sizes))) < 0.5
    allowed[..., np.cumsum(sizes) - 1] = True
    memory, drawn, behaviour = actor.forget(), [], []
    for t in range(T):
        action = actor.act(at(seen, t), zeros[t], memory, rng, allowed[t])
        memory = action.memory
        drawn.append(action.actions)
        behaviour.append(action.parameters)
    drawn, behaviour = np.array(drawn), np.array(behaviour)
    assert (behaviour[~allowed] == FORBIDDEN).all()
    advantages, returns = rng.normal(size=(2, T, B)).astype(np.float32)
    found = learner.gradient(seen, zeros, drawn, behaviour, advantages, returns, actor.forget())

    raw, _ = learner.forward(seen, zeros, actor.forget())
    entropy = 0.0
    cuts = np.cumsum(sizes)[:-1]
    for logits, may in zip(np.split(raw, cuts, -1), np.split(allowed, cuts, -1), strict=True):
        p = np.exp(logits) * may / (np.exp(logits) * may).sum(-1, keepdims=True)
        entropy -= (p * np.log(np.where(may, p, 1.0))).sum(-1)
    assert found.entropy == pytest.approx(entropy.mean(), rel=1e-4)
    assert found.policy_loss == pytest.approx(-advantages.mean(), abs=1e-4), "the policy has not changed"
    allowed[...] = True
    allowed[..., 0] = False  # in every step: nothing is learned about this action
    behaviour = np.where(allowed, raw, FORBIDDEN)
    drawn = np.maximum(drawn, 1)
    found = learner.gradient(seen, zeros, drawn, behaviour, advantages, returns, actor.forget())
    heads = dict(named_views(found.vector, [spec for spec in learner.specs if spec.name[:8] != "moments/"]))
    assert not heads["policy/bias"][0]
    assert heads["policy/bias"][1:].any()
    assert np.isfinite(heads["policy/kernel"]).all()

    same = (seen, zeros, drawn, raw, advantages, returns, actor.forget())
    np.testing.assert_array_equal(learner.gradient(*same).vector, plain.gradient(*same).vector)


def test_gradients_are_scaled_down_to_the_largest_norm():
    actor, learner = make(max_gradient_norm=0.01)
    ones = np.ones((T, B), np.float32)
    seen = random_observations(learner.network.shape, np.random.default_rng(0))
    gradient = learner.gradient(
        seen, ones, ones.astype(np.int32), np.zeros((T, B, 4), np.float32), 10 * ones, 10 * ones, actor.forget()
    )
    assert gradient.norm > 0.01
    assert np.linalg.norm(gradient.vector) == pytest.approx(0.01, rel=1e-4)


def test_loaded_weights_are_returned_unchanged():
    actor, learner = make(IMAGE)
    weights = np.random.default_rng(0).normal(size=total_size(learner.specs)).astype(np.float32)
    learner.load(weights)
    np.testing.assert_array_equal(learner.flat(), weights)
    for side in (actor, learner):
        with pytest.raises(ValueError, match="shape"):
            side.load(weights[1:])


def test_gradient_reaches_every_parameter():
    actor, learner = make(EVERYTHING, gym.spaces.Box(-1, 1, (2,), np.float32), normalise_observations=True)
    ones = np.ones((T, B), np.float32)
    seen = random_observations(learner.network.shape, np.random.default_rng(1))
    gradient = learner.gradient(
        seen, 0 * ones, np.ones((T, B, 2), np.float32), np.zeros((T, B, 4), np.float32), ones, ones, actor.forget()
    )
    specs = [spec for spec in learner.specs if not spec.name.startswith("moments/")]
    assert len(specs) == len(learner.specs) - 3
    assert gradient.vector.shape == (learned_size(learner.specs),)
    for name, view in named_views(gradient.vector, specs):
        assert np.abs(view).max() > 0, f"no gradient reaches {name}"


def test_signature_changes_with_names_and_shapes_only():
    (_, one), (_, other), (_, again) = make(), make(lstm_size=9), make(seed=3)
    assert one.signature == again.signature == signature(one.specs)
    assert one.signature != other.signature


def test_initial_kernels_are_orthogonal_and_biases_zero():
    actor, _ = make()
    views = dict(named_views(initialise(actor.network.specs, 0), actor.network.specs))
    kernel = views["lstm/recurrent"]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(8), atol=1e-5)
    assert not views["lstm/bias"].any()


@pytest.mark.parametrize("units", [8, 0])
def test_the_flat_vector_has_the_layout_of_saved_runs(units):
    """A changed name, shape or order would make every saved checkpoint and policy unusable."""
    actor, _ = make(EVERYTHING, gym.spaces.Box(-1, 1, (2,), np.float32), lstm_size=units, normalise_observations=True)
    layers = {
        "conv0": (4, 4, 1, 16),
        "conv1": (3, 3, 16, 32),
        "conv2": (3, 3, 32, 32),
        "dense0": (8, 64),
        "dense1": (64, 64),
        **({"lstm": (3 * 3 * 32 + 64, 32)} if units else {"hidden": (3 * 3 * 32 + 64, 256)}),
        "policy": (units or 256, 2),
        "value": (units or 256, 1),
    }
    expected: dict[str, tuple[int, ...]] = {}
    for name, shape in layers.items():
        expected[f"{name}/kernel"] = shape
        if name == "lstm":
            expected["lstm/recurrent"] = (8, 32)
        expected[f"{name}/bias"] = shape[-1:]
        if name == "policy":
            expected["policy/free"] = (2,)
    expected |= {"moments/count": (1,), "moments/mean": (8,), "moments/log_variance": (8,)}
    assert [(spec.name, spec.shape) for spec in actor.network.specs] == list(expected.items())


def test_the_bundled_policy_fits_the_network():
    policy = policy_file.bundled("n64gym/OpenKart-v0")
    batch = EnvironmentBatch.make(policy.hyperparameters.model_copy(update={"envs_per_worker": 1}), worker=0)
    network = design(batch.view.shape, batch.family, policy.hyperparameters)
    batch.close()
    assert [(s.name, s.shape) for s in policy.specs] == [(s.name, s.shape) for s in network.specs]
    assert signature(policy.specs) == signature(network.specs)


def test_both_backends_have_every_kind_of_layer():
    assert set(forward.LAYERS) == set(graph.LAYERS) == set(Layer.__subclasses__())
