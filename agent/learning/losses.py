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
    """Return the losses whose gradient A3C follows downhill.

    policy = -log pi(a_t|s_t) A_t, value = (R_t - V(s_t))^2 / 2, entropy = H(pi(s_t));
    total = policy + value_cost * value - entropy_cost * entropy. The paper adds the steps of a rollout up; here they
    are averaged, so that t_max and the number of environments do not change the length of a gradient.

    With a surrogate_clip c, policy = -min(r A, clip(r, 1 - c, 1 + c) A), where r = pi(a|s) / mu(a|s) and the action was
    drawn from the policy mu (Schulman et al. 2017, equation 7). Where both policies are the same, its slope is that of
    A3C. It is 0 once the action has become as much likelier, or less likely, as its advantage asks for.

    Args:
        distribution: what the logits mean.
        logits: [T, B, parameters].
        values: V(s_t), [T, B].
        actions: [T, B] or [T, B, K].
        behaviour: the parameters of mu, [T, B, parameters].
        advantages: A_t, constants, [T, B].
        returns: R_t, constants, [T, B].
        entropy_cost: beta in the paper.
        value_cost: weight of the value loss.
        surrogate_clip: 0 = A3C as published, whatever the behaviour was.
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
