"""The network: trunk (convolutions or dense) -> memory (LSTM or dense) -> policy and value heads, as plain TensorFlow.

Acting and differentiating are one compiled call each, with fixed shapes: at these sizes dispatch costs more than
arithmetic. The parameters travel as one flat float32 vector in the order of `specs`.
"""

from collections.abc import Callable
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agent import lstm
from agent.config import BadInputError, Hyperparameters
from agent.distributions import for_space
from agent.losses import a3c_losses
from agent.parameters import ParameterSpec, named_views, signature, total_size


class Convolution(NamedTuple):
    """One layer with ELU and SAME padding."""

    filters: int
    kernel: int  # pixels, square
    stride: int


TRUNKS = {
    "compact": (Convolution(16, 6, 3), Convolution(32, 3, 2), Convolution(32, 3, 2)),
    "universe": (Convolution(32, 3, 2),) * 4,  # universe-starter-agent, model.py
}
DENSE_UNITS = 64  # both layers of the trunk for vector observations, as SB3's MlpPolicy
POLICY_GAIN = 0.01  # nearly uniform first policy (Andrychowicz et al. 2020, section 3.2)


class Action(NamedTuple):
    """What the policy decided for B environments."""

    actions: np.ndarray  # int32 [B] or [B, K]
    values: np.ndarray  # float32 [B]
    state: lstm.State  # memory after the step


class Gradient(NamedTuple):
    """A rollout's gradient and figures about it."""

    vector: np.ndarray  # float32 [total_size], already clipped
    policy_loss: float
    value_loss: float
    entropy: float
    norm: float  # before clipping


class Policy:
    """The network for batches of B environments and rollouts of T steps.

    Args:
        observation_space: of one environment, uint8 [H, W, C] or float [N].
        action_space: of one environment.
        hyperparameters: sizes, costs, and T (`t_max`).
        batch: B.

    Raises:
        BadInputError: a space that is not supported.
    """

    def __init__(
        self, observation_space: gym.spaces.Box, action_space: gym.Space, hyperparameters: Hyperparameters, batch: int
    ) -> None:
        self.hyperparameters = hyperparameters
        self.batch = batch
        self.distribution = for_space(action_space)
        self.observation_shape = observation_space.shape
        self.observation_dtype = tf.as_dtype(observation_space.dtype)
        self.units = hyperparameters.lstm_size
        self.specs: list[ParameterSpec] = []
        self._declare()
        self._variables = [tf.Variable(tf.zeros(spec.shape), name=spec.name) for spec in self.specs]
        self._by_name = {spec.name: v for spec, v in zip(self.specs, self._variables, strict=True)}
        self.signature = signature(self.specs)
        self._compile()

    def initial_state(self) -> lstm.State:
        """Return empty memory for B environments."""
        zeros = tf.zeros((self.batch, self.units))
        return lstm.State(zeros, zeros)

    def act(self, observations: np.ndarray, starts: np.ndarray, state: lstm.State, seed: np.ndarray) -> Action:
        """Draw an action for each environment.

        Args:
            observations: [B, ...].
            starts: float32 [B], 1 where an episode begins and memory is forgotten first.
            state: memory before the step.
            seed: int32 [2], different for each step.
        """
        actions, values, cell, hidden = self._act(observations, starts, state.cell, state.hidden, seed)
        return Action(actions.numpy(), values.numpy(), lstm.State(cell, hidden))

    def act_greedily(self, observations: np.ndarray, starts: np.ndarray, state: lstm.State) -> Action:
        """Take the likeliest action of each environment; arguments as in `act`."""
        actions, values, cell, hidden = self._mode(observations, starts, state.cell, state.hidden)
        return Action(actions.numpy(), values.numpy(), lstm.State(cell, hidden))

    def gradient(
        self,
        observations: np.ndarray,
        starts: np.ndarray,
        actions: np.ndarray,
        advantages: np.ndarray,
        returns: np.ndarray,
        state: lstm.State,
    ) -> Gradient:
        """Differentiate the A3C losses of a rollout: arrays are [T, B, ...], state is the memory before it."""
        vector, figures = self._gradient(observations, starts, actions, advantages, returns, state.cell, state.hidden)
        return Gradient(vector.numpy(), *(float(x) for x in figures.numpy()))

    def load(self, flat: np.ndarray) -> None:
        """Take over weights, float32 [total_size]."""
        if flat.shape != (total_size(self.specs),):
            raise ValueError(f"weights of shape {flat.shape}, expected ({total_size(self.specs)},)")
        self._load(flat)

    def flat(self) -> np.ndarray:
        """Return the weights as one vector, float32 [total_size]."""
        flat = np.empty(total_size(self.specs), np.float32)
        for (_, view), variable in zip(named_views(flat, self.specs), self._variables, strict=True):
            view[...] = variable.numpy()
        return flat

    # What the network is made of.

    def _declare(self) -> None:
        """List the parameters in the order they have in the flat vector."""
        if len(self.observation_shape) == 3:
            height, width, channels = self.observation_shape
            self._layers = TRUNKS[self.hyperparameters.trunk]
            for n, layer in enumerate(self._layers):
                self._add(f"conv{n}/kernel", (layer.kernel, layer.kernel, channels, layer.filters), gain=np.sqrt(2.0))
                self._add(f"conv{n}/bias", (layer.filters,))
                height, width, channels = -(-height // layer.stride), -(-width // layer.stride), layer.filters
            features = height * width * channels
        elif len(self.observation_shape) == 1:
            features = self.observation_shape[0]
            for n in range(2):
                self._add(f"dense{n}/kernel", (features, DENSE_UNITS), gain=np.sqrt(2.0))
                self._add(f"dense{n}/bias", (DENSE_UNITS,))
                features = DENSE_UNITS
        else:
            raise BadInputError(f"observations of shape {self.observation_shape}: expected [H, W, C] or [N]")
        if self.units:
            self._add("lstm/kernel", (features, 4 * self.units), gain=1.0)
            self._add("lstm/recurrent", (self.units, 4 * self.units), gain=1.0)
            self._add("lstm/bias", (4 * self.units,))
        else:
            self._add("hidden/kernel", (features, 256), gain=np.sqrt(2.0))
            self._add("hidden/bias", (256,))
        memory = self.units or 256
        self._add("policy/kernel", (memory, self.distribution.parameters), gain=POLICY_GAIN)
        self._add("policy/bias", (self.distribution.parameters,))
        self._add("value/kernel", (memory, 1), gain=1.0)
        self._add("value/bias", (1,))

    def _add(self, name: str, shape: tuple[int, ...], gain: float = 0.0) -> None:
        self.specs.append(ParameterSpec(name, tuple(int(n) for n in shape), float(gain)))

    # How the numbers flow; N = B when acting, T x B when differentiating.

    def _trunk(self, x: tf.Tensor) -> tf.Tensor:
        """Turn observations [N, ...] into features [N, F]."""
        p = self._by_name
        x = tf.cast(x, tf.float32)
        if len(self.observation_shape) == 3:
            x *= 1.0 / 255.0
            for n, layer in enumerate(self._layers):
                x = tf.nn.conv2d(x, p[f"conv{n}/kernel"], layer.stride, "SAME")
                x = tf.nn.elu(tf.nn.bias_add(x, p[f"conv{n}/bias"]))
        else:
            for n in range(2):
                x = tf.nn.tanh(tf.matmul(x, p[f"dense{n}/kernel"]) + p[f"dense{n}/bias"])
        return tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])

    def _projected(self, x: tf.Tensor) -> tf.Tensor:
        """Turn observations [N, ...] into what memory adds to its own, [N, 4 units]; without memory [N, 256]."""
        p = self._by_name
        if self.units:
            return tf.matmul(self._trunk(x), p["lstm/kernel"]) + p["lstm/bias"]
        return tf.nn.relu(tf.matmul(self._trunk(x), p["hidden/kernel"]) + p["hidden/bias"])

    def _heads(self, memory: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Turn memory [N, M] into logits [N, parameters] and values [N]."""
        p = self._by_name
        logits = tf.matmul(memory, p["policy/kernel"]) + p["policy/bias"]
        return logits, tf.squeeze(tf.matmul(memory, p["value/kernel"]) + p["value/bias"], axis=1)

    def _forward(
        self, x: tf.Tensor, starts: tf.Tensor, cell: tf.Tensor, hidden: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, lstm.State]:
        """Advance B environments by one step."""
        projected = self._projected(x)
        if not self.units:
            return *self._heads(projected), lstm.State(cell, hidden)
        keep = 1.0 - starts[:, None]
        state, _ = lstm.step(projected, lstm.State(cell * keep, hidden * keep), self._by_name["lstm/recurrent"])
        return *self._heads(state.hidden), state

    def _compile(self) -> None:
        """Build the four compiled calls."""
        batch, length, units = self.batch, self.hyperparameters.t_max, self.units
        hyperparameters, distribution = self.hyperparameters, self.distribution
        one = tf.TensorSpec((batch, *self.observation_shape), self.observation_dtype)
        many = tf.TensorSpec((length, batch, *self.observation_shape), self.observation_dtype)
        per_environment, per_step = tf.TensorSpec((batch,)), tf.TensorSpec((length, batch))
        actions_spec = tf.TensorSpec((length, batch, *distribution.action_shape), tf.int32)
        memory = tf.TensorSpec((batch, units))

        @tf.function(input_signature=[one, per_environment, memory, memory, tf.TensorSpec((2,), tf.int32)])
        def act(x: tf.Tensor, starts: tf.Tensor, cell: tf.Tensor, hidden: tf.Tensor, seed: tf.Tensor) -> tuple:
            logits, values, state = self._forward(x, starts, cell, hidden)
            return distribution.sample(logits, seed), values, state.cell, state.hidden

        @tf.function(input_signature=[one, per_environment, memory, memory])
        def mode(x: tf.Tensor, starts: tf.Tensor, cell: tf.Tensor, hidden: tf.Tensor) -> tuple:
            logits, values, state = self._forward(x, starts, cell, hidden)
            return distribution.mode(logits), values, state.cell, state.hidden

        @tf.function(input_signature=[many, per_step, actions_spec, per_step, per_step, memory, memory])
        def gradient(
            x: tf.Tensor,
            starts: tf.Tensor,
            actions: tf.Tensor,
            advantages: tf.Tensor,
            returns: tf.Tensor,
            cell: tf.Tensor,
            hidden: tf.Tensor,
        ) -> tuple:
            with tf.GradientTape() as tape:
                projected = self._projected(tf.reshape(x, [length * batch, *self.observation_shape]))
                if units:
                    recurrent = tf.identity(self._by_name["lstm/recurrent"])
                    projected = tf.reshape(projected, [length, batch, 4 * units])
                    projected = lstm.unroll(projected, 1.0 - starts, cell, hidden, recurrent)
                logits, values = self._heads(tf.reshape(projected, [length * batch, -1]))
                losses = a3c_losses(
                    distribution,
                    tf.reshape(logits, [length, batch, distribution.parameters]),
                    tf.reshape(values, [length, batch]),
                    actions,
                    advantages,
                    returns,
                    hyperparameters.entropy_cost,
                    hyperparameters.value_cost,
                )
            gradients = tape.gradient(losses.total, self._variables)
            vector = tf.concat([tf.reshape(g, [-1]) for g in gradients], axis=0)
            norm = tf.norm(vector)
            # Pascanu et al. 2013; where the norm is not finite the vector stays so, and the server refuses it.
            vector *= tf.minimum(1.0, hyperparameters.max_gradient_norm / tf.maximum(norm, 1e-12))
            return vector, tf.stack([losses.policy, losses.value, losses.entropy, norm])

        @tf.function(input_signature=[tf.TensorSpec((total_size(self.specs),))])
        def load(flat: tf.Tensor) -> None:
            parts = tf.split(flat, [spec.size for spec in self.specs])
            for variable, spec, part in zip(self._variables, self.specs, parts, strict=True):
                variable.assign(tf.reshape(part, spec.shape))

        self._act: Callable = act
        self._mode: Callable = mode
        self._gradient: Callable = gradient
        self._load: Callable = load
