"""Advantages and returns against an oracle that is written like the papers, as sums without recursion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a3c64.learning.returns import generalised_advantages, next_values, normalised


def oracle(rewards, values, bootstrap, terminated, truncated, final_values, discount, lam):
    """GAE as the sum over l of (discount lam)^l delta_{t+l}, episode by episode (Schulman et al., equation 16)."""
    length, batch = rewards.shape
    advantages = np.zeros((length, batch))
    for b in range(batch):
        for t in range(length):
            weight = 1.0
            for k in range(t, length):
                if terminated[k, b]:
                    after = 0.0
                elif truncated[k, b]:
                    after = final_values[k, b]
                else:
                    after = values[k + 1, b] if k + 1 < length else bootstrap[b]
                advantages[t, b] += weight * (rewards[k, b] + discount * after - values[k, b])
                if terminated[k, b] or truncated[k, b]:
                    break
                weight *= discount * lam
    return advantages


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    length=st.integers(1, 12),
    batch=st.integers(1, 4),
    discount=st.floats(0, 1),
    lam=st.floats(0, 1),
)
def test_gae_matches_the_sum_in_the_paper(seed, length, batch, discount, lam):
    rng = np.random.default_rng(seed)
    shape = (length, batch)
    rewards, values, final_values = (rng.normal(size=shape).astype(np.float32) for _ in range(3))
    bootstrap = rng.normal(size=batch).astype(np.float32)
    terminated = rng.random(shape) < 0.2
    truncated = (rng.random(shape) < 0.2) & ~terminated
    following = next_values(values, bootstrap, truncated, final_values)
    targets = generalised_advantages(rewards, values, following, terminated, truncated, discount, lam)
    expected = oracle(rewards, values, bootstrap, terminated, truncated, final_values, discount, lam)
    np.testing.assert_allclose(targets.advantages, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(targets.returns, expected + values, rtol=1e-4, atol=1e-4)
    assert targets.advantages.dtype == targets.returns.dtype == np.float32


def test_lambda_one_gives_the_n_step_return_of_a3c():
    """R <- r_i + gamma R, from V(s_T) backwards (Mnih et al., algorithm S3)."""
    rewards = np.array([[1.0], [2.0], [3.0]], np.float32)
    values = np.array([[0.5], [0.25], [0.125]], np.float32)
    none = np.zeros((3, 1), bool)
    following = next_values(values, np.array([10.0], np.float32), none, np.zeros((3, 1), np.float32))
    returns = generalised_advantages(rewards, values, following, none, none, 0.9, 1.0).returns
    running, expected = 10.0, []
    for reward in (3.0, 2.0, 1.0):
        running = reward + 0.9 * running
        expected.insert(0, running)
    np.testing.assert_allclose(returns[:, 0], expected, rtol=1e-6)


def test_termination_is_not_truncation():
    rewards, values = np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32)
    terminated, truncated = np.array([[True, False]]), np.array([[False, True]])
    final_values = np.array([[7.0, 7.0]], np.float32)
    following = next_values(values, np.array([99.0, 99.0], np.float32), truncated, final_values)
    returns = generalised_advantages(rewards, values, following, terminated, truncated, 1.0, 1.0).returns
    assert returns.tolist() == [[0.0, 7.0]]


def test_shapes_that_differ_are_an_error():
    one, two = np.zeros((2, 1), np.float32), np.zeros((3, 1), np.float32)
    with pytest.raises(ValueError, match="must have one shape, found"):
        generalised_advantages(one, two, two, one > 0, one > 0, 1.0, 1.0)


def test_normalised_advantages_have_mean_0_and_standard_deviation_1():
    advantages = np.array([[3.0, 5.0], [7.0, 9.0]], np.float32)
    result = normalised(advantages)
    assert result.mean() == pytest.approx(0.0, abs=1e-6)
    assert result.std() == pytest.approx(1.0, rel=1e-5)
    assert np.argsort(result, axis=None).tolist() == [0, 1, 2, 3]
    assert not normalised(np.full((2, 2), 4.0, np.float32)).any(), "equal advantages become 0, without division by zero"
