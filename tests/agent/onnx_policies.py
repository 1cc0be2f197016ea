"""Policies of every kind for tests of ONNX files: the files, 200 observations, and what the actor does with them."""

from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.api.playing import Policy
from a3c64.envs.actions import family_of
from a3c64.envs.batch import view_of
from a3c64.envs.making import make_one
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor
from a3c64.learning.network import design
from a3c64.learning.parameters import initialise, named_views
from a3c64.policy import checkpoint, onnx_file, policy_file
from a3c64.policy.fitted import Fitted, fit, seen

OBSERVATIONS = 200
CLEAR = 1e-4  # least difference of the two largest logits: far above rounding, so that every machine picks the same


class Sorted(gym.Env):
    """An environment with several choices, which do not begin at 0."""

    observation_space = gym.spaces.Dict(
        {"camera": gym.spaces.Box(0, 255, (20, 20, 3), np.uint8), "speed": gym.spaces.Box(-1.0, 1.0, (3,), np.float32)}
    )
    action_space = gym.spaces.MultiDiscrete([3, 2, 4], start=[0, 5, -1])


class MaskedSorted(Sorted):
    """The same with action masks."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        camera = np.zeros((20, 20, 3), np.uint8)
        return {"camera": camera, "speed": np.zeros(3, np.float32)}, {"action_mask": np.ones(9, np.int8)}


gym.register("Sorted-v0", entry_point=Sorted)
gym.register("MaskedSorted-v0", entry_point=MaskedSorted)

POLICIES: dict[str, dict[str, Any]] = {
    "picture": {"env_id": "tiny_env:TinyImage-v0", "frame_stack": 2},
    "vector": {"env_id": "CartPole-v1", "frame_stack": 1, "frameskip": 2, "normalise_observations": True},
    "lstm": {"env_id": "tiny_env:TinyImage-v0", "frame_stack": 1, "lstm_size": 24, "normalise_observations": True},
    "continuous": {"env_id": "Pendulum-v1", "frame_stack": 3, "lstm_size": 16},
    "choices": {"env_id": "Sorted-v0", "frame_stack": 2, "trunk": "universe"},
    "masked": {"env_id": "MaskedSorted-v0", "frame_stack": 1},
}


class Observed(NamedTuple):
    """Observations in a row, and what the actor does with them."""

    inputs: dict[str, np.ndarray]  # of the ONNX file, each float32 [200, ...]
    raw: str  # the output that has the family's parameters
    parameters: np.ndarray  # float32 [200, outputs]
    values: np.ndarray  # float32 [200]
    actions: np.ndarray  # [200, ...], as the environment takes them


def exported(kind: str, folder: Path) -> tuple[Path, Fitted]:
    """Write a policy with random weights as KIND.safetensors and KIND.onnx; return the ONNX file and the policy."""
    settings = Hyperparameters(**POLICIES[kind])
    env = make_one(settings)
    # The file's weights have half precision, so this is what everyone reads.
    policy = policy_file.load(policy_file.save(folder / f"{kind}.safetensors", random_policy(settings, env)))
    fitted = fit(policy, settings, env)
    if kind == "masked":
        fitted = seen(fitted, env)
    env.close()
    return onnx_file.save(folder / f"{kind}.onnx", fitted), fitted


def random_policy(settings: Hyperparameters, env: gym.Env) -> policy_file.Policy:
    """Return a policy with random weights whose logits differ clearly."""
    specs = design(view_of(env, settings).shape, family_of(env.action_space), settings).specs
    weights = initialise(specs, seed=5)
    named = dict(named_views(weights, specs))
    named["policy/kernel"] *= 300.0
    generator = np.random.default_rng(6)
    for name, view in named.items():
        if name.startswith("moments/"):
            view[...] = generator.normal(size=view.shape)
    score = {"mean_reward": 1.5, "episodes": 20}
    first = checkpoint.first(specs, 0, settings.model_dump())
    return policy_file.of(first._replace(weights=weights, step=7, score=score))


def observed(fitted: Fitted) -> Observed:
    """Show the actor 200 random observations of one episode."""
    network = fitted.network
    generator = np.random.default_rng(1)
    height, width, channels = network.shape.image
    coarse = generator.integers(0, 256, (OBSERVATIONS, 1, 3, 3, channels), np.uint8)  # large squares: pictures differ
    images = coarse.repeat(-(-height // 3), axis=2).repeat(-(-width // 3), axis=3)[:, :, :height, :width]
    vectors = generator.normal(size=(OBSERVATIONS, 1, network.shape.vector)).astype(np.float32)
    actor = Actor(network, 1)
    actor.load(fitted.policy.weights)
    memory, starts = actor.forget(), np.ones(1, np.float32)
    masks = np.ones((OBSERVATIONS, network.family.outputs), bool)
    if fitted.masked:
        masks = generator.random(masks.shape) < 0.5
        for first in np.cumsum([0, *network.family.sizes[:-1]]):
            masks[:, first] |= ~masks[:, first : first + 2].any(axis=1)  # an action of each choice is allowed
    parameters, values, actions = [], [], []
    for image, vector, mask in zip(images, vectors, masks, strict=True):
        action = actor.act(Observations(image, vector), starts, memory, allowed=mask[None] if fitted.masked else None)
        memory, starts = action.memory, np.zeros(1, np.float32)
        parameters.append(action.parameters[0, : network.family.outputs])
        values.append(action.values[0])
        actions.append(network.family.for_environment(action.actions)[0])
    inputs = {"image": images[:, 0].astype(np.float32)} if network.shape.image[2] else {}
    inputs |= {"vector": vectors[:, 0]} if network.shape.vector else {}
    inputs |= {"action_mask": masks.astype(np.float32)} if fitted.masked else {}
    raw = "mean" if network.family.free else "logits"
    found = Observed(inputs, raw, np.stack(parameters), np.array(values), np.stack(actions))
    assert raw == "mean" or margin(found.parameters, network.family) > CLEAR
    return found


def margin(logits: np.ndarray, family: Any) -> float:
    """Return the least difference between the two largest logits of a choice."""
    sizes = getattr(family, "sizes", (family.outputs,))
    parts = [np.sort(part, axis=-1) for part in np.split(logits, np.cumsum(sizes)[:-1], axis=-1)]
    return min(float((part[:, -1] - part[:, -2]).min()) for part in parts)


def played(policy: Policy, env: gym.Env, seed: int) -> float:
    """Play one episode with the Python interface and return its return."""
    observation, _ = env.reset(seed=seed)
    state, total, over = None, 0.0, False
    while not over:
        action, state = policy.act(observation, state)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, over = total + float(reward), terminated or truncated
    return total
