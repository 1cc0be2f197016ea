"""Action families: sampling in NumPy against densities in TensorFlow, and conversion to environment actions."""

import gymnasium as gym
import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs.actions import Categorical, DiagonalGaussian, MultiCategorical, family_of
from a3c64.learning.distributions import of_family

T = 6
RNG = np.random.default_rng


def test_samples_follow_the_probabilities():
    logits = np.log(np.array([0.1, 0.2, 0.7], np.float32))
    draws = Categorical(3).draw(np.tile(logits, (20000, 1)), RNG(0))
    np.testing.assert_allclose(np.bincount(draws, minlength=3) / 20000, [0.1, 0.2, 0.7], atol=0.015)
    family = MultiCategorical((3, 2), (0, 0))
    both = family.draw(np.tile(np.append(logits, [0.0, 0.0]).astype(np.float32), (20000, 1)), RNG(0))
    np.testing.assert_allclose(np.bincount(both[:, 0]) / 20000, [0.1, 0.2, 0.7], atol=0.015)
    assert both[:, 1].mean() == pytest.approx(0.5, abs=0.015)
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.03, "the choices are independent"


def test_multi_categorical_choices_are_independent():
    rng = RNG(2)
    logits = rng.normal(size=(T, 5)).astype(np.float32)
    actions = np.stack([rng.integers(2, size=T), rng.integers(3, size=T)], 1).astype(np.int32)
    both = of_family(MultiCategorical((2, 3), (0, 0)))
    first, second = of_family(Categorical(2)), of_family(Categorical(3))
    expected = first.log_probability(logits[:, :2], actions[:, 0]) + second.log_probability(
        logits[:, 2:], actions[:, 1]
    )
    np.testing.assert_allclose(both.log_probability(logits, actions), expected, rtol=1e-5)
    entropy = first.entropy(logits[:, :2]) + second.entropy(logits[:, 2:])
    np.testing.assert_allclose(both.entropy(logits), entropy, rtol=1e-5)


def test_gaussian_density_and_entropy_match_the_textbook():
    rng = RNG(3)
    mean, std, x = rng.normal(size=(T, 2)), np.exp(rng.normal(size=(T, 2))), rng.normal(size=(T, 2))
    density = np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    gaussian = of_family(DiagonalGaussian(-np.ones(2), np.ones(2)))
    parameters = np.concatenate((mean, np.log(std)), axis=1).astype(np.float32)
    ours = gaussian.log_probability(parameters, x.astype(np.float32))
    np.testing.assert_allclose(ours, np.log(density).sum(1), rtol=1e-4)
    entropy = 0.5 * np.log(2 * np.pi * np.e * std**2).sum(1)
    np.testing.assert_allclose(gaussian.entropy(parameters), entropy, rtol=1e-4)


def test_gaussian_samples_have_the_given_moments_and_fit_the_box():
    family = family_of(gym.spaces.Box(np.array([0, -2], np.float32), np.array([10, 2], np.float32)))
    parameters = np.tile(np.array([0.5, -0.25, np.log(0.1), np.log(0.2)], np.float32), (20000, 1))
    draws = family.draw(parameters, RNG(0))
    np.testing.assert_allclose(draws.mean(0), [0.5, -0.25], atol=0.01)
    np.testing.assert_allclose(draws.std(0), [0.1, 0.2], atol=0.01)
    np.testing.assert_array_equal(family.greedy(parameters)[0], np.array([0.5, -0.25], np.float32))
    given = family.for_environment(np.array([[0.0, 0.0], [-1.0, 1.0], [-9.0, 9.0]], np.float32))
    np.testing.assert_allclose(given, [[5.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    assert given.dtype == np.float32


@pytest.mark.parametrize(
    "family", [Categorical(4), MultiCategorical((3, 2), (0, 0)), DiagonalGaussian(-np.ones(2), np.ones(2))]
)
def test_divergence_is_the_mean_of_the_log_ratio(family):
    rng, densities = RNG(4), of_family(family)
    before, after = (0.7 * rng.normal(size=(1, family.outputs + family.free)).astype(np.float32) for _ in range(2))
    many = np.tile(before, (200_000, 1))
    drawn = family.draw(many, rng)
    ratios = densities.log_probability(many, drawn) - densities.log_probability(np.tile(after, (200_000, 1)), drawn)
    divergence = family.divergence(before, after)
    assert divergence.shape == (1,)
    assert divergence[0] == pytest.approx(np.mean(ratios), rel=0.03)
    assert family.divergence(before, before)[0] == pytest.approx(0.0, abs=1e-6)


def test_discrete_actions_may_start_at_another_number_than_zero():
    assert family_of(gym.spaces.Discrete(3, start=-1)).for_environment(np.array([0, 2])).tolist() == [-1, 1]
    stick = family_of(gym.spaces.MultiDiscrete([161, 2], start=[-80, 0]))
    assert stick.for_environment(np.array([[0, 1], [160, 0]])).tolist() == [[-80, 1], [80, 0]]
    assert family_of(gym.spaces.MultiBinary(3)).greedy(np.array([[0, 1, 1, 0, 0, 1.0]])).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize(
    "space", [gym.spaces.Box(-np.inf, np.inf, (2,)), gym.spaces.Box(0, 255, (2,), np.uint8), gym.spaces.Text(3)]
)
def test_an_unsupported_action_space_is_refused(space):
    with pytest.raises(BadInputError, match=r"Box|Text"):
        family_of(space)
