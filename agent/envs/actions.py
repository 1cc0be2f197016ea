"""Action families: how the policy's parameters become actions, in NumPy. learning/distributions.py has their densities.

The policy head computes `outputs` numbers from an observation. `free` more are weights that no observation changes.
Together they are a family's `parameters`.
"""

from typing import Any, NamedTuple, Protocol

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError


class Family(Protocol):
    """A family of distributions over an action space."""

    @property
    def outputs(self) -> int:
        """The number of parameters that depend on the observation."""

    @property
    def free(self) -> int:
        """The number of parameters that do not depend on the observation."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one action in the form that training stores."""

    @property
    def dtype(self) -> type:
        """The type of an action in the form that training stores."""

    def draw(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw an action for each row: [B, outputs + free] -> [B, *shape]."""

    def greedy(self, parameters: np.ndarray) -> np.ndarray:
        """Return the most probable action of each row: [B, outputs + free] -> [B, *shape]."""

    def divergence(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return KL(before || after) of each row, in nats: two [B, outputs + free] -> [B]."""

    def for_environment(self, actions: np.ndarray) -> np.ndarray:
        """Turn actions [B, *shape] into what the environments' `step` takes, [B, ...]."""

    def stored(self, actions: np.ndarray) -> np.ndarray:
        """Invert `for_environment`: [B, ...] -> [B, *shape]."""


class Categorical(NamedTuple):
    """One choice among `outputs`; the environment counts from `start`."""

    outputs: int
    start: int = 0
    free: int = 0
    shape: tuple[int, ...] = ()
    dtype: type = np.int32

    def draw(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw by the Gumbel-max trick."""
        return self.greedy(parameters + generator.gumbel(size=parameters.shape))

    def greedy(self, parameters: np.ndarray) -> np.ndarray:
        """Return the index of the largest logit."""
        return parameters.argmax(axis=-1).astype(np.int32)

    def divergence(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return sum p (log p - log q)."""
        log_p, log_q = log_softmax(before), log_softmax(after)
        return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)

    def for_environment(self, actions: np.ndarray) -> np.ndarray:
        """Shift to the environment's numbering, which may begin at another number than 0."""
        return actions + self.start

    def stored(self, actions: np.ndarray) -> np.ndarray:
        """Count from 0."""
        return (actions - self.start).astype(np.int32)


class MultiCategorical(NamedTuple):
    """Several independent choices; their logits are concatenated."""

    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    free: int = 0
    dtype: type = np.int32

    @property
    def outputs(self) -> int:
        """Return the number of logits."""
        return sum(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of choices, as a shape."""
        return (len(self.sizes),)

    def draw(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw each choice independently."""
        return self.greedy(parameters + generator.gumbel(size=parameters.shape))

    def greedy(self, parameters: np.ndarray) -> np.ndarray:
        """Return the index of each choice's largest logit."""
        parts = np.split(parameters, np.cumsum(self.sizes)[:-1], axis=-1)
        return np.stack([part.argmax(axis=-1) for part in parts], axis=-1).astype(np.int32)

    def divergence(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return the sum of the choices' divergences."""
        cuts = np.cumsum(self.sizes)[:-1]
        parts = zip(np.split(before, cuts, axis=-1), np.split(after, cuts, axis=-1), strict=True)
        return np.sum([Categorical(p.shape[-1]).divergence(p, q) for p, q in parts], axis=0)

    def for_environment(self, actions: np.ndarray) -> np.ndarray:
        """Shift to the environment's numbering, which may begin at another number than 0."""
        return actions + np.array(self.starts, np.int32)

    def stored(self, actions: np.ndarray) -> np.ndarray:
        """Count from 0."""
        return (actions - np.array(self.starts, np.int32)).astype(np.int32)


class DiagonalGaussian(NamedTuple):
    """Independent normal distributions: the head computes the means; the log standard deviations are free.

    -1 and 1 are the ends of the environment's range. The environment gets actions clipped to that range. Training
    stores them unclipped, because the density is that of the unclipped action.
    """

    low: np.ndarray
    high: np.ndarray
    dtype: type = np.float32

    @property
    def outputs(self) -> int:
        """Return the number of means, one for each component of an action."""
        return int(self.low.size)

    @property
    def free(self) -> int:
        """Return the number of log standard deviations."""
        return int(self.low.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the flat shape that training stores."""
        return (int(self.low.size),)

    def draw(self, parameters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Draw each component independently."""
        mean, log_std = np.split(parameters, 2, axis=-1)
        noise = generator.standard_normal(mean.shape, np.float32)
        return (mean + np.exp(log_std) * noise).astype(np.float32)

    def greedy(self, parameters: np.ndarray) -> np.ndarray:
        """Return the means."""
        return np.split(parameters, 2, axis=-1)[0].astype(np.float32)

    def divergence(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return the sum of the components' divergences."""
        mean, log_std = np.split(before, 2, axis=-1)
        other_mean, other_log = np.split(after, 2, axis=-1)
        share = np.exp(2.0 * (log_std - other_log)) + np.square((mean - other_mean) * np.exp(-other_log))
        return (other_log - log_std + 0.5 * (share - 1.0)).sum(axis=-1)

    def for_environment(self, actions: np.ndarray) -> np.ndarray:
        """Clip to -1..1 and scale to the environment's range."""
        clipped = np.clip(actions, -1.0, 1.0).reshape(-1, *self.low.shape)
        return (self.low + (clipped + 1.0) * 0.5 * (self.high - self.low)).astype(self.low.dtype)

    def stored(self, actions: np.ndarray) -> np.ndarray:
        """Scale from the environment's range to -1..1."""
        scaled = (actions - self.low) / (self.high - self.low) * 2.0 - 1.0
        return scaled.reshape(len(actions), -1).astype(np.float32)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log probabilities, [..., n]."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def family_of(space: Any) -> Family:
    """Return the family that fits an action space.

    Raises:
        BadInputError: no family fits.
    """
    if isinstance(space, gym.spaces.Discrete):
        return Categorical(int(space.n), int(space.start))
    if isinstance(space, gym.spaces.MultiDiscrete) and space.nvec.ndim == 1:
        return MultiCategorical(tuple(map(int, space.nvec)), tuple(map(int, space.start)))
    if isinstance(space, gym.spaces.MultiBinary) and len(space.shape) == 1:
        return MultiCategorical((2,) * space.shape[0], (0,) * space.shape[0])
    if isinstance(space, gym.spaces.Box) and np.issubdtype(space.dtype, np.floating) and space.is_bounded():
        return DiagonalGaussian(space.low, space.high)
    raise BadInputError(
        f"actions of {' '.join(str(space).split())} are not supported: "
        "expected Discrete, MultiDiscrete, MultiBinary or a bounded Box of floats"
    )


def action_names(env: gym.Env) -> list[str]:
    """Return the environment's names for its actions, or for the parts of an action; empty if it has none.

    The names come from `get_action_meanings`, as in ALE's environments.
    """
    meanings = getattr(env.unwrapped, "get_action_meanings", None)
    names = [str(name).replace("_", " ") for name in meanings()] if meanings else []
    return [name.lower() if len(name) > 1 else name for name in names]
