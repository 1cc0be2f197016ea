"""How a run is doing, as the server tells it: typed, and checked where it arrives."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from a3c64.config import BadInputError

MAX_EVALUATION = 64 << 20  # bytes of evaluation.json; 10,000 evaluations have 7 MB


class _Told(BaseModel):
    """Data that is told to others: it does not change, and what it does not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def plain(self) -> dict[str, Any]:
        """Return dicts, lists, text and numbers, for msgpack and JSON."""
        return self.model_dump(mode="json")


class WorkerReport(_Told):
    """How a worker is doing."""

    index: int
    name: str  # host and process
    state: str  # in a few words
    steps: int
    steps_per_s: float
    mean_return: float | None  # of its last episodes; None before the first ends
    staleness: int  # of its newest gradient
    restarts: int  # workers that had this index before
    emulator_restarts: int
    vnc: str | None  # host:port of its display


class Evaluation(_Told):
    """How greedy episodes with certain weights went."""

    step: int  # environment steps of the run when it had these weights
    version: int  # of the weights
    seconds: float  # of training until they were scored
    episodes: int
    mean_reward: float
    mean_length: float
    means: dict[str, float]  # the environment's own figures

    @property
    def figures(self) -> dict[str, float]:
        """Return all that is charted of it."""
        return {"mean_reward": self.mean_reward, "mean_length": self.mean_length, **self.means}


class EvaluationReport(_Told):
    """What greedy evaluations have found."""

    last: Evaluation
    best: Evaluation
    count: int


class Staleness(_Told):
    """How many updates old the newest gradients were."""

    median: float
    p95: float
    max: float


class ServerReport(_Told):
    """Where the server is, and what it serves."""

    pid: int = 0
    run_dir: str = ""
    tensorboard_port: int = 0  # 0 = none
    web_port: int = 0  # 0 = none


class RunReport(_Told):
    """How a run is doing."""

    server: ServerReport
    run: str  # its name
    env_id: str
    steps: int
    steps_per_s: float
    updates: int
    episodes: int  # so far
    seconds: float  # of training
    over: str  # why the run is over; empty while it is not
    workers: tuple[WorkerReport, ...]  # by index
    evaluators: int
    joined: int  # workers, so far
    lost: int  # of these, those that fell silent
    refused: dict[str, int]  # kind of refusal -> messages that were not acted on
    staleness: Staleness | None  # None before the first gradient
    means: dict[str, float]  # rollout/* and env/* over the last episodes
    best: dict[str, tuple[float, float]]  # the environment's figures: lowest and highest of any episode
    evaluation: EvaluationReport | None  # None before the first

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "RunReport":
        """Check what arrived and return it.

        Raises:
            BadInputError: it is not a report of this release.
        """
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise BadInputError(f"the server's report: {what}; use the same release on both sides") from None

    @property
    def mean_return(self) -> float | None:
        """Return the mean return of the last episodes."""
        return self.means.get("rollout/ep_rew_mean")
