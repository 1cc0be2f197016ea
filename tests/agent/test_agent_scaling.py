"""Running moments and scaled rewards, against NumPy over the whole sample at once."""

import numpy as np
import pytest

from a3c64.learning.scaling import Moments, RewardScale, moments_of, packed, unpacked


def test_moments_of_parts_are_the_moments_of_the_whole():
    sample = np.random.default_rng(0).normal([3.0, -50.0], [0.5, 20.0], (7, 9, 2))
    total = Moments(0.0, np.zeros(2), np.ones(2))
    for part in sample:
        total = unpacked(packed(total)).merge(moments_of(part))
    assert total.size == 63
    np.testing.assert_allclose(total.mean, sample.reshape(-1, 2).mean(0), rtol=1e-5)
    np.testing.assert_allclose(total.variance, sample.reshape(-1, 2).var(0), rtol=1e-4)


def test_zeros_mean_a_standard_deviation_of_one():
    nothing = unpacked(np.zeros(5, np.float32))
    assert nothing.size == 0
    assert nothing.mean.tolist() == [0.0, 0.0]
    assert nothing.variance.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("numbers", [[1e18, 1e18, 1e18], [9.0, -1e18, -1e18], [-9.0, 0.0, 1e18]])
def test_merging_absurd_moments_gives_finite_numbers(numbers):
    merged = moments_of(np.ones((4, 1))).merge(unpacked(np.array(numbers, np.float32)))
    assert np.isfinite(packed(merged)).all()
    assert merged.size >= 4


def test_the_variance_of_a_constant_is_above_zero():
    assert unpacked(packed(moments_of(np.ones((4, 1))))).variance[0] > 0


def test_rewards_are_raw_or_clipped():
    rewards, ended = np.array([-5.0, 0.5], np.float32), np.zeros(2, bool)
    assert RewardScale("raw", 2, 0.9)(rewards, ended).tolist() == [-5.0, 0.5]
    assert RewardScale("clipped", 2, 0.9)(rewards, ended).tolist() == [-1.0, 0.5]


def test_scaled_rewards_do_not_depend_on_their_size():
    rng = np.random.default_rng(1)
    small, large = RewardScale("scaled", 4, 0.9), RewardScale("scaled", 4, 0.9)
    for _ in range(200):
        rewards, ended = rng.normal(size=4).astype(np.float32), rng.random(4) < 0.1
        one, other = small(rewards, ended), large(1000.0 * rewards, ended)
    np.testing.assert_allclose(one, other, rtol=1e-3)
    assert small(np.full(4, 1e9, np.float32), ended).max() == pytest.approx(10.0)


def test_rewards_are_divided_by_the_standard_deviation_of_all_returns_so_far():
    rng, scale, returns, seen = np.random.default_rng(2), RewardScale("scaled", 3, 0.9), np.zeros(3), []
    for _ in range(60):
        rewards, ended = rng.normal(2.0, 5.0, 3).astype(np.float32), rng.random(3) < 0.1
        scaled = scale(rewards, ended)
        returns = 0.9 * returns + rewards
        seen.append(returns.copy())
        returns[ended] = 0.0
        np.testing.assert_allclose(scaled, np.clip(rewards / np.sqrt(np.var(seen) + 1e-8), -10.0, 10.0), rtol=1e-5)
        assert scaled.dtype == np.float32
