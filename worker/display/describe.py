"""Describe a moment of training for the display: the observation, and the distribution of the action."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.envs.actions import Categorical, DiagonalGaussian, Family, MultiCategorical, action_names
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.pictures import visible
from a3c64.envs.spaces import Observations
from a3c64.learning.actor import Action
from a3c64.worker.display.scene import Choice, Scene, Span

# Upper limits for any environment. Together they bound a scene to 400 KB.
FRAMES = 4  # the newest of the stack
FRAME_SIDE = 128  # pixels; larger frames are subsampled
NUMBERS = 512  # of a vector
PARTS = 64  # choices or numbers of an action
OPTIONS = 256  # of one choice; if there are more, a group of neighbours is shown by its highest probability


class Moment(NamedTuple):
    """The state of the training loop before a step. It holds references only, so that making one costs nothing."""

    observations: Observations  # [B, ...]
    action: Action  # chosen for these observations
    run_step: int  # environment steps of the whole run
    staleness: int  # updates by others during the last rollout


class Describer:
    """Makes scenes of a worker's first environment."""

    def __init__(self, environments: EnvironmentBatch, title: str, worker: int) -> None:
        self._environments = environments
        self._title = title.split("/")[-1]
        self._worker = worker
        self._names = action_names(environments.environments[0])

    def describe(self, moment: Moment) -> Scene:
        """Return the scene of a moment."""
        environments, action = self._environments, moment.action
        episode = environments.episode_state(0)
        frames, stack = newest_frames(moment.observations.image[0], environments.view.channels)
        choices, spans = thoughts(environments.family, action.parameters[0], action.actions[0], self._names)
        return Scene(
            self._title,
            self._worker,
            moment.run_step,
            moment.staleness,
            time.monotonic(),
            frames,
            stack,
            moment.observations.vector[0, :NUMBERS],
            choices,
            spans,
            float(action.values[0]),
            episode.total_reward,
            episode.length,
            (episode.last.total_reward, episode.last.length) if episode.last else None,
            live_figures(environments.environments[0], episode.info),
        )


def newest_frames(image: np.ndarray, channels: int) -> tuple[np.ndarray, int]:
    """Return the newest frames of a stack [H, W, C], subsampled, as [K, h, w, 1 or 3], and the stack's length."""
    height, width, depth = image.shape
    if not depth:
        return np.zeros((0, 0, 0, 1), np.uint8), 0
    stack = depth // channels
    stride = -(-max(height, width) // FRAME_SIDE)
    frames = image.reshape(height, width, stack, channels)[::stride, ::stride, -FRAMES:]
    return visible(frames.transpose(2, 0, 1, 3)), stack


def thoughts(
    family: Family, parameters: np.ndarray, action: np.ndarray, names: Sequence[str]
) -> tuple[list[Choice], list[Span]]:
    """Return the distribution of an action as choices or as spans.

    Args:
        family: of the distribution.
        parameters: [outputs + free].
        action: the sampled action, [*family.shape].
        names: of the options of a single choice, or of the action's parts; ignored if their number does not match.
    """
    if isinstance(family, Categorical):
        return [_choice("", parameters, int(action), family.start, names)], []
    if isinstance(family, MultiCategorical):
        parts = np.split(parameters, np.cumsum(family.sizes)[:-1])
        called = names if len(names) == len(parts) else [str(k) for k in range(len(parts))]
        whole = zip(called, parts, action, family.starts, strict=True)
        return [_choice(name, part, int(index), start, ()) for name, part, index, start in whole][:PARTS], []
    assert isinstance(family, DiagonalGaussian)
    low, high = family.low.reshape(-1), family.high.reshape(-1)
    called = names if len(names) == len(low) else [str(k) for k in range(len(low))]
    half = 0.5 * (high - low)  # half of the environment's range: the policy's unit
    mean, log_std = np.split(parameters, 2)
    columns = low, high, low + (mean + 1.0) * half, np.exp(log_std) * half, low + (action + 1.0) * half
    rows = np.stack(columns, axis=1)[:PARTS].tolist()
    return [], [Span(name, *row) for name, row in zip(called, rows, strict=False)]


def _choice(name: str, logits: np.ndarray, chosen: int, start: int, names: Sequence[str]) -> Choice:
    weights = np.exp(logits - logits.max())
    probabilities = (weights / weights.sum()).astype(np.float32)
    options = list(names) if len(names) == len(logits) else [str(start + k) for k in range(len(logits))]
    if (few := -(-len(logits) // OPTIONS)) > 1:
        probabilities = np.maximum.reduceat(probabilities, np.arange(0, len(logits), few))
        options, chosen = options[::few], chosen // few
    return Choice(name, options, probabilities, chosen)


def live_figures(environment: gym.Env, info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return an environment's figures of a moment as names and texts: its `live_figures`, or its lives."""
    tell = getattr(environment.unwrapped, "live_figures", None)
    if tell is not None:
        return [(str(name), str(text)) for name, text in tell(info)]
    return [("lives", str(info["lives"]))] if info.get("lives") else []
