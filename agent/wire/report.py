"""How a run is doing, as the server tells it: typed, and checked where it arrives."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from a3c64.envs.figures import FORMER, Figure

MAX_EVALUATION = 64 << 20  # bytes of evaluation.json; 10,000 evaluations have 7 MB


class _Told(BaseModel):
    """Data that is told to others: it does not change, and what it does not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def plain(self) -> dict[str, Any]:
        """Return dicts, lists, text and numbers, for msgpack and JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def of(cls, plain: Any) -> Self:
        """Check what `plain` returned elsewhere.

        Raises:
            ValueError: it is something else; one line says what.
        """
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


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
    figures: dict[str, float]  # the environment's own, summed up over the episodes

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, raw: Any) -> Any:
        """Accept evaluations of release 0.1."""
        if isinstance(raw, dict) and isinstance(raw.get("means"), dict):
            return {"figures": {FORMER.get(name, name): value for name, value in raw["means"].items()}, **raw}
        return raw

    @property
    def numbers(self) -> dict[str, float]:
        """Return all that is charted of it."""
        return {"mean_reward": self.mean_reward, "mean_length": self.mean_length, **self.figures}


class FigureReport(_Told):
    """One of the environment's figures: what is known about it (see Figure), and its values in training."""

    name: str
    label: str
    unit: str
    summary: str
    headline: bool  # it is to stand in one line about the run
    mean: float  # of the last episodes that told it
    least: float  # of any episode
    most: float  # of any episode

    @property
    def value(self) -> float:
        """Return the one that sums it up."""
        return {"least": self.least, "most": self.most}.get(self.summary, self.mean)

    @property
    def figure(self) -> Figure:
        """Return what is known about it."""
        return Figure(self.name, self.label, self.unit, self.summary, self.headline)

    def say(self) -> str:
        """Return label and value, for one line among others."""
        return self.figure.say(self.value)


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
    mean_return: float | None  # of the last episodes; None before the first ends
    mean_length: float | None
    figures: tuple[FigureReport, ...]  # the environment's own
    evaluation: EvaluationReport | None  # None before the first

    @property
    def headlines(self) -> list[FigureReport]:
        """Return the figures for one line."""
        return [figure for figure in self.figures if figure.headline]
