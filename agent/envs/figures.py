"""The figures that an environment reports of each episode: how each is summed up, named and shown.

An environment reports `info["metrics"]`, {name: number}, with an episode's last step. Its metadata may describe them;
every part of the description is optional:

    metadata = {"figures": {"best_lap_s": {"label": "best lap", "unit": "s", "summary": "least", "headline": True}}}

A `*` in a name matches any text. A `*` in the label is replaced by that text: "lap_*_s", "lap *". A figure that is not
declared has its name as the label and the mean as its summary. Its unit is seconds if the name ends with _s.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from a3c64.config import BadInputError, nearest
from a3c64.envs.episode import MAX_METRICS, MAX_NAME, Episode
from a3c64.output import short

if TYPE_CHECKING:
    import gymnasium as gym  # the server imports this module without it

SUMMARIES = ("mean", "least", "most", "rate")  # rate: the share of episodes in which it is 1; shown in percent
HEADLINES = 4  # the most figures in one line about a run
FORMER = {"finish_rate": "finished", "best_lap": "best_lap_s"}  # names in evaluation.json up to release 0.1


class Figure(NamedTuple):
    """The description of one figure."""

    name: str  # as in info["metrics"]
    label: str
    unit: str = ""
    summary: str = "mean"  # one of SUMMARIES
    headline: bool = False  # shown where there is room for only a few figures

    @property
    def title(self) -> str:
        """Return the title of its chart; with a *, of the chart of all figures that match."""
        label, unit = self.label.replace("*", "").strip(), "share" if self.summary == "rate" else self.unit
        return label[:1].upper() + label[1:] + (f", {unit}" if unit else "")

    @property
    def pattern(self) -> str:
        """Return a regular expression that matches its name; a * is a group."""
        return re.escape(self.name).replace(r"\*", "(.+)")

    def sum_up(self, values: Sequence[float]) -> float:
        """Summarise the values of several episodes, at least one."""
        if self.summary in ("least", "most"):
            return float(min(values) if self.summary == "least" else max(values))
        return float(np.mean(values))

    def show(self, value: float) -> str:
        """Return a value with its unit."""
        if self.summary == "rate":
            return f"{value:.0%}"
        return number(value) + (f" {self.unit}" if self.unit else "")

    def say(self, value: float) -> str:
        """Return label and value, for a list of figures."""
        return f"{self.label} {self.show(value)}"

    def say_once(self, value: float) -> str:
        """Return label and value of a single episode; a rate of 0 or 1 becomes words, such as "not finished"."""
        if self.summary == "rate" and value in (0.0, 1.0):
            return self.label if value else f"not {self.label}"
        return self.say(value)


class Figures:
    """The figures that an environment declares, in its order; names that are not declared get defaults."""

    def __init__(self, declared: Iterable[Figure] = ()) -> None:
        self.declared = tuple(declared)
        self._patterns = [re.compile(one.pattern) for one in self.declared]

    def __getitem__(self, name: str) -> Figure:
        """Return the figure of that name: the first declared one that matches, or a default."""
        return self._find(name)[1]

    def declares(self, name: str) -> bool:
        """Return whether the environment declares this name, alone or by a series."""
        return self._find(name)[0] < len(self.declared)

    def ordered(self, names: Iterable[str]) -> list[Figure]:
        """Return the figures of these names: the declared ones in their order, then the others."""
        return [figure for _, figure in sorted(map(self._find, names), key=lambda found: found[0])]

    def headlines(self, names: Iterable[str]) -> list[Figure]:
        """Return the figures for one line: the first that are declared as headlines, or the first of all."""
        declared = any(figure.headline for figure in self.declared)
        return [figure for figure in self.ordered(names) if figure.headline or not declared][:HEADLINES]

    def sum_up(self, episodes: Iterable[Episode]) -> dict[str, float]:
        """Summarise each figure over the episodes that report it."""
        values: dict[str, list[float]] = {}
        for episode in episodes:
            for name, value in episode.metrics.items():
                values.setdefault(name, []).append(value)
        return {figure.name: figure.sum_up(values[figure.name]) for figure in self.ordered(values)}

    def series(self, episodes: Iterable[Episode]) -> dict[Figure, list[float]]:
        """Return all values of each numbered series, such as laps: a figure with a * that matches numbers."""
        found: dict[Figure, list[float]] = {}
        for episode in episodes:
            for name, value in episode.metrics.items():
                place, _ = self._find(name)
                match = self._patterns[place].fullmatch(name) if place < len(self.declared) else None
                if match and match.groups() and match[1].isdecimal():
                    found.setdefault(self.declared[place], []).append(value)
        return found

    def describe(self, episode: Episode) -> list[str]:
        """Return the parts of one line about an episode."""
        said = [figure.say_once(episode.metrics[figure.name]) for figure in self.headlines(episode.metrics)]
        return [*said, f"return {episode.total_reward:.2f}", f"{episode.length} steps"]

    def grouped(self, names: Iterable[str]) -> list[Figure]:
        """Return the figures of these names. Names that match the same declared * share one figure."""
        places = sorted((self._find(name) for name in names), key=lambda found: found[0])
        known = [self.declared[place] if place < len(self.declared) else figure for place, figure in places]
        return list(dict.fromkeys(known))

    def _find(self, name: str) -> tuple[int, Figure]:
        """Return a figure's place among the declared ones, and the figure; undeclared ones come after the last."""
        for place, (pattern, figure) in enumerate(zip(self._patterns, self.declared, strict=True)):
            if match := pattern.fullmatch(name):
                text = match[1] if match.groups() else ""
                return place, figure._replace(name=name, label=figure.label.replace("*", text))
        unit = "s" if name.endswith("_s") else ""
        return len(self.declared), Figure(name, name.removesuffix("_s").replace("_", " "), unit)


UNDECLARED = Figures()


def declared_by(env: "gym.Env") -> Figures:
    """Return what an environment declares.

    Raises:
        BadInputError: the metadata's "figures" are invalid.
    """
    return declared_in(env.metadata, type(env.unwrapped).__name__)


def declared_in(metadata: Mapping[str, Any], whose: str) -> Figures:
    """Check and return what metadata declares.

    Raises:
        BadInputError: metadata["figures"] is invalid; the message says why.
    """
    raw = metadata.get("figures", {})
    if not isinstance(raw, Mapping) or len(raw) > MAX_METRICS:
        raise BadInputError(
            f"{whose}: metadata['figures'] must be a dict of at most {MAX_METRICS} figures, found {raw!r:.60}"
        )
    figures = []
    for name, about in raw.items():
        unknown = set(about) - set(Figure._fields[1:]) if isinstance(about, Mapping) else {str(about)}
        if not isinstance(name, str):
            raise BadInputError(f"{whose}: metadata['figures']: a name must be a text, found {name!r}")
        if unknown:
            raise BadInputError(
                f"{whose}: metadata['figures'][{name!r}]: found {', '.join(sorted(unknown))}, expected "
                f"some of {', '.join(Figure._fields[1:])}{nearest(min(unknown), Figure._fields[1:])}"
            )
        try:
            figures.append(checked({**UNDECLARED[name]._asdict(), **about}))
        except ValueError as error:
            raise BadInputError(f"{whose}: metadata['figures'][{name!r}]: {error}") from None
    return Figures(figures)


def checked(raw: Mapping[str, Any]) -> Figure:
    """Return a figure from its fields.

    Raises:
        ValueError: a field is of another type, too long, or not one of its choices.
    """
    figure = Figure(**raw)
    for field in ("name", "label", "unit"):
        text = raw[field]
        if not isinstance(text, str) or len(text) > MAX_NAME or (text and not text.isprintable()):
            raise ValueError(f"{field} must be a text of at most {MAX_NAME} characters, found {short(text)}")
    if not figure.name or figure.name.count("*") > 1:
        raise ValueError(f"name must be a text with at most one *, found {short(figure.name)}")
    if figure.summary not in SUMMARIES:
        raise ValueError(f"summary must be one of {', '.join(SUMMARIES)}, found {short(figure.summary)}")
    if not isinstance(figure.headline, bool):
        raise ValueError(f"headline must be True or False, found {short(figure.headline)}")
    return figure


def number(value: float) -> str:
    """Return a number with two decimals; from 1000 on, with none."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
