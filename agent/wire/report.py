"""The server's report on its run: typed, and checked by the receiver."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from a3c64.envs.figures import FORMER, Figure

MAX_EVALUATION = 64 << 20  # bytes of evaluation.json; 10,000 evaluations take 7 MB


class _Told(BaseModel):
    """Base class of reports: frozen, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def plain(self) -> dict[str, Any]:
        """Return it as dicts, lists, text and numbers, for msgpack and JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def of(cls, plain: Any) -> Self:
        """Check the output of `plain` from another process, and return it typed.

        Raises:
            ValueError: the form is wrong; the error says where, on one line.
        """
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


class WorkerReport(_Told):
    """The status of a worker."""

    index: int
    name: str  # host and process
    state: str  # in a few words
    steps: int
    steps_per_s: float
    mean_return: float | None  # of its last episodes; None before the first ends
    staleness: int  # of its newest gradient
    restarts: int  # earlier workers with this index
    emulator_restarts: int
    vnc: str | None  # host:port of its display
    host: str = ""  # the address that it connects from; "" = not known


class Evaluation(_Told):
    """The result of whole episodes with one version of the weights."""

    step: int  # environment steps of the run when it had these weights
    version: int  # of the weights
    seconds: float  # of training until the weights were scored
    episodes: int
    mean_reward: float
    mean_length: float
    std_reward: float = 0.0  # standard deviation of the episodes' returns; files of older releases lack it
    actions: Literal["greedy", "drawn"] = "greedy"  # how they were chosen; files of older releases lack it
    figures: dict[str, float]  # of the environment, summarised over the episodes

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, raw: Any) -> Any:
        """Accept evaluations of release 0.1."""
        if isinstance(raw, dict) and isinstance(raw.get("means"), dict):
            return {"figures": {FORMER.get(name, name): value for name, value in raw["means"].items()}, **raw}
        return raw

    @property
    def numbers(self) -> dict[str, float]:
        """Return all numbers that are charted."""
        return {"mean_reward": self.mean_reward, "mean_length": self.mean_length, **self.figures}


class FigureReport(_Told):
    """One of the environment's figures: its declaration (see Figure), and its values in training."""

    name: str
    label: str
    unit: str
    summary: str
    headline: bool  # True: shown in one-line summaries of the run
    mean: float  # of the last episodes that reported it
    least: float  # of any episode
    most: float  # of any episode

    @property
    def value(self) -> float:
        """Return the least or the most if `summary` names one of them, else the mean."""
        return {"least": self.least, "most": self.most}.get(self.summary, self.mean)

    @property
    def figure(self) -> Figure:
        """Return its declaration."""
        return Figure(self.name, self.label, self.unit, self.summary, self.headline)

    def say(self) -> str:
        """Return label and value as text."""
        return self.figure.say(self.value)


class EvaluationReport(_Told):
    """The results of the run's evaluations."""

    last: Evaluation
    best: Evaluation
    count: int


class Staleness(_Told):
    """The age of the newest gradients when they arrived, in updates."""

    median: float
    p95: float
    max: float


class Traffic(_Told):
    """Bytes of messages, since this process of the server began. Encryption and TCP add a few per cent."""

    received: int = 0
    sent: int = 0


class ServerReport(_Told):
    """The server's process, run folder and ports."""

    pid: int = 0
    run_dir: str = ""
    tensorboard_port: int = 0  # 0 = none
    web_port: int = 0  # 0 = none


class RunReport(_Told):
    """The status of a run."""

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
    lost: int  # those of them that stopped sending heartbeats
    refused: dict[str, int]  # kind of refusal -> number of refused messages
    refused_connections: int = 0  # without a valid key
    failures: dict[str, int] = {}  # of the tracker and the command after checkpoints -> since the server began
    traffic: Traffic = Traffic()  # only in the report for the web page
    staleness: Staleness | None  # None before the first gradient
    mean_return: float | None  # of the last episodes; None before the first ends
    mean_length: float | None
    figures: tuple[FigureReport, ...]  # of the environment
    evaluation: EvaluationReport | None  # None before the first
    restored: int  # times that the guard went back to the best weights
    warning: str  # about evaluations far below the best; empty if there is nothing to warn about

    @property
    def headlines(self) -> list[FigureReport]:
        """Return the figures for a one-line summary."""
        return [figure for figure in self.figures if figure.headline]
