"""The losses of A3C (Mnih et al. 2016, section 4 and algorithm S3), corrected for old experience; pure TensorFlow."""

from typing import NamedTuple

import tensorflow as tf

from a3c64.learning.distributions import Distribution


class Losses(NamedTuple):
    """Scalars, each the mean over the T x B steps of a rollout."""

    total: tf.Tensor
    policy: tf.Tensor
    value: tf.Tensor
    entropy: tf.Tensor


def a3c_losses(
    distribution: Distribution,
    logits: tf.Tensor,
    values: tf.Tensor,
    actions: tf.Tensor,
    behaviour: tf.Tensor,
    advantages: tf.Tensor,
    returns: tf.Tensor,
    entropy_cost: float,
    value_cost: float,
    surrogate_clip: float,
) -> Losses:
    """Return the losses that A3C minimises.

    policy = -log pi(a_t|s_t) A_t, value = (R_t - V(s_t))^2 / 2, entropy = H(pi(s_t));
    total = policy + value_cost * value - entropy_cost * entropy. The paper sums over the steps of a rollout. Here the
    steps are averaged, so that the gradient's norm does not depend on t_max or the number of environments.

    With a surrogate_clip c, policy = -min(r A, clip(r, 1 - c, 1 + c) A), where r = pi(a|s) / mu(a|s) and the action was
    drawn from the policy mu (Schulman et al. 2017, equation 7). Where pi = mu, the gradient is that of A3C. The
    gradient is 0 where A > 0 and r > 1 + c, and where A < 0 and r < 1 - c.

    Args:
        distribution: the family whose parameters the logits are.
        logits: [T, B, parameters].
        values: V(s_t), [T, B].
        actions: [T, B] or [T, B, K].
        behaviour: the parameters of mu, [T, B, parameters].
        advantages: A_t, without gradient, [T, B].
        returns: R_t, without gradient, [T, B].
        entropy_cost: beta in the paper.
        value_cost: weight of the value loss.
        surrogate_clip: c; 0 = A3C as published, which ignores mu.
    """
    log_probability = distribution.log_probability(logits, actions)
    if surrogate_clip:
        ratio = tf.exp(log_probability - distribution.log_probability(behaviour, actions))
        clipped = tf.clip_by_value(ratio, 1.0 - surrogate_clip, 1.0 + surrogate_clip)
        policy = -tf.reduce_mean(tf.minimum(ratio * advantages, clipped * advantages))
    else:
        policy = -tf.reduce_mean(log_probability * advantages)
    value = 0.5 * tf.reduce_mean(tf.square(returns - values))
    entropy = tf.reduce_mean(distribution.entropy(logits))
    return Losses(policy + value_cost * value - entropy_cost * entropy, policy, value, entropy)
