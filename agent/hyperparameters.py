"""The hyperparameters: the settings that belong to a run, not to one of its processes."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_NESTING = 50  # levels of objects and lists in an environment's arguments
MOST_EPOCHS = 4  # of a worker with fewer environments than `envs_per_worker`, unless `epochs` is larger
FULL_ROLLOUTS = 16  # workers with rollouts of t_max steps; the others may have shorter ones
SHORTEST_ROLLOUT = 10  # steps; still shorter ones would mostly be overhead
OWN = ("reward", "wrapper", "network")  # settings that name code of the user, besides env_id
REMOVED = frozenset({"staleness_damping"})  # hyperparameters of earlier releases that playing a policy does not need


def _json_object(value: str) -> str:
    """Accept a JSON object that is not nested deeply, so that no function on it exceeds Python's recursion limit."""
    try:
        level = [found := json.loads(value)]
        for _ in range(MAX_NESTING):
            level = [part for one in level for part in _parts(one)]
        if isinstance(found, dict) and not level:
            return value
    except (ValueError, RecursionError):
        pass
    raise ValueError('a JSON object such as {"course": "desert"}')


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def as_meant(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded hyperparameters with the meaning that their release gave them.

    Before `sticky_actions` was added, `frameskip` was recorded for every environment, but only n64gym's had one.
    Before `eval_policy` was added, evaluations were greedy. Before `frame_crop`, pictures were whole. Before those of
    OWN were added, there was no such code.
    """
    values = {"eval_policy": "greedy", "frame_crop": None, **dict.fromkeys(OWN), **values}
    if "sticky_actions" in values:
        return values
    n64 = str(values.get("env_id", "n64gym/")).rpartition(":")[2].startswith("n64gym/")
    return {**values, **({} if n64 else {"frameskip": 0}), "sticky_actions": 0.0, "max_episode_steps": 0}


OWN_CODE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")  # module:name


def _own_code(value: str | None) -> str | None:
    """Accept a name of the user's code."""
    if value and not OWN_CODE.fullmatch(value):
        raise ValueError("module:name, such as my_module:MyClass, where my_module is a file in the working folder")
    return value or None


def _own_codes(value: str | None) -> str | None:
    """Accept names of the user's code, with commas between."""
    return ",".join(filter(None, map(_own_code, listed(value)))) or None


def listed(names: str | None) -> tuple[str, ...]:
    """Return the names in a setting that lists them with commas between."""
    return tuple(name.strip() for name in names.split(",") if name.strip()) if names else ()


def none(value: Any) -> Any:
    """Convert the word "none" to None. An empty variable cannot mean None, because it means "not set"."""
    return None if value == "none" else value


def _crop(value: str | None) -> str | None:
    """Accept four numbers of pixels; all 0 is the same as no crop."""
    if value and not re.fullmatch(r"\d{1,4}(,\d{1,4}){3}", value):
        raise ValueError("pixels at the top, the bottom, the left and the right, such as 34,16,0,0")
    return value if value and any(map(int, value.split(","))) else None


OwnCode = Annotated[str | None, AfterValidator(_own_code), BeforeValidator(none)]
OwnCodes = Annotated[str | None, AfterValidator(_own_codes), BeforeValidator(none)]


class Hyperparameters(BaseModel):
    """The run's settings. The server holds them, writes them to config.json and sends them to every worker."""

    model_config = ConfigDict(extra="forbid")

    env_id: str = Field("n64gym/OpenKart-v0", description="Gymnasium id of the environment to learn")
    env_args: Annotated[str, AfterValidator(_json_object)] = Field(
        "{}", description='arguments of the environment as JSON, such as {"course": "desert", "laps": 1}'
    )
    frame_size: int = Field(42, ge=16, le=512, description="height and width of image observations, pixels")
    frame_colours: Literal["rgb", "grey"] = Field(
        "rgb", description="image observations in colour, or grey at a third of the bytes"
    )
    frame_stack: int = Field(
        2,
        ge=1,
        le=16,
        description="number of newest observations in the network's input; the paper uses 4 and no memory",
    )
    frame_crop: Annotated[str | None, AfterValidator(_crop), BeforeValidator(none)] = Field(
        None,
        description="pixels that are cut off the environment's pictures at the top, bottom, left and right: 34,16,0,0 "
        "leaves Pong's playing field; none = whole pictures",
    )
    frameskip: int = Field(
        0,
        ge=0,
        le=60,
        description="frames (n64gym: VIs) or steps of the environment that one action lasts; 0 = the environment's own "
        "default, 4 VIs for n64gym",
    )
    sticky_actions: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="probability that the environment repeats its last action instead of the new one; ALE's "
        "repeat_action_probability; 0 = the environment's own default",
    )
    max_episode_steps: int = Field(
        0, ge=0, description="episodes are cut after this many actions; 0 = the environment's own limit"
    )
    reward: OwnCode = Field(
        None,
        description="your function that returns the terms of a step's reward, as module:function, instead of the "
        "environment's own reward; none = its own",
    )
    wrapper: OwnCodes = Field(
        None,
        description="your Gymnasium wrappers of the environment as module:Class, the innermost first, with commas "
        "between; none = no wrapper",
    )
    envs_per_worker: int = Field(
        4, ge=1, le=256, description="environments of a worker; workers from the third on have fewer; 1 = as published"
    )
    t_max: int = Field(
        40,
        ge=1,
        le=4096,
        description="steps of each environment between two gradients; workers from the 17th on may have fewer, but not "
        "with surrogate_clip=0",
    )
    epochs: int = Field(
        1,
        ge=1,
        le=64,
        description="gradients from each rollout, each with the newest weights; with 2, a slow game may need fewer "
        "steps, each with more CPU time; above 1 only with surrogate_clip; workers from the third on have up to 4",
    )
    demonstrations: Annotated[str | None, BeforeValidator(none)] = Field(
        None,
        description="folder with movies (.m64) of races whose player the policy imitates at first, beside learning by "
        "reward; none = no imitation",
    )
    imitation_cost: float = Field(
        0.2, ge=0.0, description="weight of the imitation loss at step 0; it falls linearly to 0 at imitation_steps"
    )
    imitation_steps: int = Field(
        200_000, ge=1, description="step of the run from which on demonstrations are not used any more"
    )
    imitation_reaction: float = Field(
        0.0,
        ge=0.0,
        le=2.0,
        description="seconds from what the player in the movies sees to the input that follows, for learning what they "
        "meant: about 0.2 for a person; 0 for a script, a policy or a tool-assisted run",
    )
    discount: float = Field(0.99, ge=0.0, le=1.0, description="gamma")
    gae_lambda: float = Field(0.95, ge=0.0, le=1.0, description="lambda of GAE; 1 = n-step returns as in A3C")
    normalise_observations: bool = Field(
        False,
        description="scale observations to mean 0, standard deviation 1: vectors by all workers' moments, each image "
        "by its own",
    )
    rewards: Literal["raw", "clipped", "scaled"] = Field(
        "scaled",
        description="learn from raw rewards, or clipped to -1..1, or divided by the standard deviation of returns",
    )
    normalise_advantages: bool = Field(
        False, description="give a rollout's advantages mean 0 and standard deviation 1; makes long runs unstable"
    )
    entropy_cost: float = Field(0.01, ge=0.0, description="weight of the entropy bonus")
    value_cost: float = Field(0.5, ge=0.0, description="weight of the value loss")
    max_gradient_norm: float = Field(
        10.0, gt=0.0, description="gradients longer than this are scaled down to it, at the worker"
    )
    learning_rate: float = Field(7e-4, gt=0.0, le=1.0, description="step size of the shared RMSProp")
    learning_rate_schedule: Literal["constant", "linear"] = Field(
        "constant", description="linear falls to 0 at total_timesteps"
    )
    rmsprop_decay: float = Field(
        0.99,
        ge=0.0,
        lt=1.0,
        description="decay of RMSProp's mean of squared gradients; a higher value forgets more slowly",
    )
    rmsprop_epsilon: float = Field(
        1e-5,
        gt=0.0,
        description="added inside RMSProp's square root; gradients smaller than the root of this make shorter steps",
    )
    surrogate_clip: float = Field(
        0.2,
        ge=0.0,
        lt=1.0,
        description="with several workers, gradients use the newest weights; an action stops counting when its "
        "probability has changed by this share since it was sampled; 0 = A3C as published",
    )
    target_kl: float = Field(
        0.01,
        ge=0.0,
        description="target KL divergence between a worker's policies of two rollouts, nats: the learning rate is "
        "multiplied by 0.01 to 2 to reach it; 0 = do not adapt the learning rate",
    )
    target_kl_decay_steps: int = Field(
        0,
        ge=0,
        description="step at which target_kl has fallen to a half; at twice this step it is a third, and so on, "
        "so that a long run settles; 0 = it does not fall",
    )
    max_staleness: int = Field(0, ge=0, description="gradients older than this many updates are refused; 0 = never")
    trunk: Literal["patches", "fine", "universe", "a3c"] = Field(
        "patches",
        description="convolutions: patches = 4x4 (fast), fine, universe = universe-starter-agent's, a3c = the paper's",
    )
    network: OwnCode = Field(
        None,
        description="your function that makes the network up to the heads of Keras layers, as module:function, instead "
        "of trunk; none = no such function",
    )
    lstm_size: int = Field(0, ge=0, le=4096, description="units of the LSTM; 0 = a dense layer instead of memory")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of weights, actions and environments")
    deterministic: bool = Field(
        False, description="the same number of updates gives bit-identical weights in every run; with one worker only"
    )
    total_timesteps: int = Field(
        0, ge=0, description="stop after this many environment steps; 0 = train until told to stop"
    )
    stop_at_reward: Annotated[float | None, BeforeValidator(none)] = Field(
        None,
        allow_inf_nan=False,
        description="stop when the mean return of an evaluation (without evaluator: of the last 100 episodes) "
        "reaches this; none = never",
    )
    time_limit: float = Field(
        0.0,
        ge=0.0,
        description="stop after this many seconds of training, summed over all starts of the run; 0 = no limit",
    )
    eval_interval: float = Field(300.0, ge=0.0, description="seconds from one evaluation to the next; 0 = no evaluator")
    eval_policy: Literal["greedy", "drawn"] = Field(
        "greedy",
        description="actions of evaluations: greedy = the most probable one; drawn = from the policy's distribution, "
        "as in training",
    )
    eval_episodes: int = Field(20, ge=1, le=256, description="least number of episodes of an evaluation")
    guard: bool = Field(True, description="go back to the best weights after 3 evaluations in a row far below the best")

    @property
    def crop(self) -> tuple[int, int, int, int]:
        """Return the pixels of `frame_crop`: top, bottom, left, right."""
        top, bottom, left, right = map(int, (self.frame_crop or "0,0,0,0").split(","))
        return top, bottom, left, right

    def environments_of(self, worker: int) -> int:
        """Return how many environments the worker with this index (0, 1, ...) has.

        The first two have `envs_per_worker`. Worker k has 2 / (k + 1) of it, because more environments than a few
        delay learning: their first episodes end later, and their rollouts are older when they arrive.
        """
        return max(1, min(self.envs_per_worker, int(self._share(worker))))

    def t_max_of(self, worker: int) -> int:
        """Return the steps of each environment in a rollout of the worker with this index (0, 1, ...).

        The first 16 workers have `t_max`. From the 17th on, where 2 / (k + 1) of `envs_per_worker` is less than one
        environment, the rollout is that share of `t_max` instead. While a run has learned little, full rollouts of 64
        workers are of too few policies: 64 learned Open Kart in 175,550 steps with this, and not in 288,120 without.
        Without a surrogate_clip, all have `t_max`, as published.
        """
        if not self.surrogate_clip or worker < FULL_ROLLOUTS:
            return self.t_max
        return min(self.t_max, max(SHORTEST_ROLLOUT, round(self.t_max * self._share(worker))))

    def _share(self, worker: int) -> float:
        """Return the worker's share of the environments, which may be less than one or more than `envs_per_worker`."""
        return 2 * self.envs_per_worker / (worker + 1)

    def epochs_of(self, worker: int) -> int:
        """Return how many gradients the worker with this index (0, 1, ...) computes from each rollout.

        A worker with fewer environments than `envs_per_worker` computes as many times more, up to MOST_EPOCHS. Each
        worker of many has few rollouts until a run has learned, and with one gradient from each, 16 do not learn
        Open Kart within 250,000 steps. Without a surrogate_clip there is one, as published.
        """
        if not self.surrogate_clip:
            return self.epochs
        return max(self.epochs, min(MOST_EPOCHS, self.envs_per_worker // self.environments_of(worker)))
