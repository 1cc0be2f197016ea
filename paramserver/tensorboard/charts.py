"""The charts of a run: its figures as TensorBoard points, its layout, and its hyperparameters."""

from a3c64.paramserver.service import Service
from a3c64.paramserver.tensorboard.event_file import PICTURES, EventFile, interval
from a3c64.paramserver.tensorboard.layout import HYPERPARAMETERS, OBSERVATION, STALENESS, hyperparameters_text, layout
from a3c64.paramserver.tensorboard.legacy_tags import STATE, legacy


class Charts:
    """Writes the run's charts into its TensorBoard file.

    Args:
        events: the file.
        service: has the figures.
        legacy_tags: write points under universe-starter-agent's names too.
    """

    def __init__(self, events: EventFile, service: Service, legacy_tags: bool) -> None:
        self._events, self._service, self._legacy_tags = events, service, legacy_tags
        self._laid_out: object = None  # names and declarations of figures in the written layout
        self._next_picture = float("-inf")

    def introduce(self, command: str, run: str) -> None:
        """Write hyperparameters, command and layout, at the current step."""
        hyperparameters, step = self._service.weights.hyperparameters, self._service.weights.step
        self._events.text(HYPERPARAMETERS, hyperparameters_text(hyperparameters, command), step)
        self._events.hyperparameters(hyperparameters.model_dump(), run, step)
        self._lay_out()

    def add_point(self, now: float) -> None:
        """Write a point of every tag, and the newest observation if a worker has sent one."""
        service, weights = self._service, self._service.weights
        scalars = service.scalars()
        if self._legacy_tags:
            scalars |= legacy(scalars, weights.learned, service.environments)
        self._events.scalars(scalars, weights.step)
        self._events.histogram(STALENESS, service.metrics.staleness, weights.step)
        if service.picture is not None and now >= self._next_picture:
            self._next_picture = now + interval(0.0, service.seconds, PICTURES)
            self._events.picture(OBSERVATION, service.picture, weights.step)
            if self._legacy_tags:
                self._events.picture(STATE, service.picture, weights.step)
            service.picture = None
        self._lay_out()

    def _lay_out(self) -> None:
        """Write TensorBoard's layout if the environment has reported new figures."""
        metrics = self._service.metrics
        names = [figure.name for figure in metrics.figure_reports()]
        if (names, metrics.declared.declared) != self._laid_out:
            self._laid_out = names, metrics.declared.declared
            self._events.layout(layout(names, metrics.declared), self._service.weights.step)
