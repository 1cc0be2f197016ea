"""Experiment trackers behind one interface: wandb, MLflow, trackio. Their libraries raise whatever they like."""

import importlib.util
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from a3c64.config import BadInputError, flag

MOST_METRICS = 1000  # of one request to MLflow; it refuses more
MOST_PARAMETER = 500  # characters of a parameter's value; older releases of MLflow refuse more
NOT_IN_NAMES = re.compile(r"[^\w\-. /:]")  # MLflow refuses other characters in a metric's name


class Point(NamedTuple):
    """The scalars of one moment of the run, as TensorBoard has them."""

    step: int  # of the environment
    at: float  # seconds since 1970
    scalars: Mapping[str, float]  # by TensorBoard's tag


class Tracker(Protocol):
    """One run in an experiment tracker."""

    def begin(self, run: str, name: str, settings: Mapping[str, Any]) -> str:
        """Begin a run, or continue the run `run` if it is not empty; return its id."""

    def log(self, points: Sequence[Point]) -> None:
        """Log points. A point that is logged twice does no harm."""

    def end(self) -> None:
        """Say that no more points follow for now."""


class Wandb:
    """Weights & Biases. WANDB_MODE, WANDB_ENTITY and so on are its own variables."""

    def __init__(self, project: str, run_dir: Path) -> None:
        import wandb

        self._wandb, self._project, self._run_dir = wandb, project, run_dir
        self._run: Any = None

    def begin(self, run: str, name: str, settings: Mapping[str, Any]) -> str:
        """Begin a run, or continue one."""
        run = run or secrets.token_hex(4)
        self._run = self._wandb.init(
            project=self._project, id=run, name=name, resume="allow", dir=str(self._run_dir), allow_val_change=True,
            config=dict(settings),
        )  # fmt: skip
        # Points of evaluations are older than the newest point, and after a crash the run goes back to its checkpoint.
        # wandb's own step only grows, so the step is an axis of its own.
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        return run

    def log(self, points: Sequence[Point]) -> None:
        """Log points."""
        for point in points:
            self._run.log({**point.scalars, "step": point.step})

    def end(self) -> None:
        """Upload the rest."""
        if self._run is not None:
            self._run.finish()


class Mlflow:
    """MLflow. MLFLOW_TRACKING_URI and so on are its own variables."""

    def __init__(self, project: str, run_dir: Path) -> None:
        from mlflow import MlflowClient, entities

        self._client, self._entities, self._experiment = MlflowClient(), entities, project
        self._run = ""

    def begin(self, run: str, name: str, settings: Mapping[str, Any]) -> str:
        """Begin a run, or continue one. MLflow changes no parameter; a setting that has changed becomes a tag."""
        client, entities = self._client, self._entities
        if run:
            client.update_run(run, status="RUNNING")
        else:
            found = client.get_experiment_by_name(self._experiment)
            experiment = found.experiment_id if found else client.create_experiment(self._experiment)
            run = client.create_run(experiment, run_name=name).info.run_id
        known = client.get_run(run).data.params
        given = {key: str(value)[:MOST_PARAMETER] for key, value in settings.items()}
        new = [entities.Param(key, value) for key, value in given.items() if key not in known]
        changed = [
            entities.RunTag(f"changed.{key}", value) for key, value in given.items() if known.get(key, value) != value
        ]
        client.log_batch(run, params=new, tags=changed)
        self._run = run
        return run

    def log(self, points: Sequence[Point]) -> None:
        """Log points, many in one request."""
        metrics = [
            self._entities.Metric(NOT_IN_NAMES.sub("_", tag), value, round(point.at * 1000), point.step)
            for point in points
            for tag, value in point.scalars.items()
        ]
        for first in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._run, metrics=metrics[first : first + MOST_METRICS])

    def end(self) -> None:
        """Mark the run as finished."""
        if self._run:
            self._client.set_terminated(self._run, end_time=round(time.time() * 1000))


class Trackio:
    """trackio, which stores runs on this machine or in a Hugging Face Space. TRACKIO_DIR and so on are its own."""

    def __init__(self, project: str, run_dir: Path) -> None:
        import trackio

        self._trackio, self._project = trackio, project
        self._run: Any = None

    def begin(self, run: str, name: str, settings: Mapping[str, Any]) -> str:
        """Begin a run, or continue one. trackio continues the run with the same name, so the name is the id."""
        run = run or f"{name}-{secrets.token_hex(4)}"
        self._run = self._trackio.init(
            self._project, name=run, resume="allow", config=dict(settings), embed=False, auto_log_cpu=False,
            auto_log_gpu=False,
        )  # fmt: skip
        return run

    def log(self, points: Sequence[Point]) -> None:
        """Log points."""
        for point in points:
            self._run.log(dict(point.scalars), step=point.step)

    def end(self) -> None:
        """Write the rest."""
        if self._run is not None:
            self._run.finish()


TRACKERS: dict[str, Callable[[str, Path], Tracker]] = {"wandb": Wandb, "mlflow": Mlflow, "trackio": Trackio}


def check(library: str) -> None:
    """Refuse a tracker whose library is not installed. The library is not imported, because that takes seconds.

    Raises:
        BadInputError: it is not installed.
    """
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:  # without an origin it is a folder, such as the one that wandb writes
        raise BadInputError(
            f'{flag("track")}: found {library}, which is not installed: pip install "a3c64[{library}]" installs it'
        )
