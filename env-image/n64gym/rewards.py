"""Rewards as weighted sums of named terms: objectives are added, costs are subtracted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from n64gym.settings import listed, nearest

Step = TypeVar("Step")  # a game's data about a step


class Reward(Generic[Step]):
    """Computes the reward of a step from weighted terms, and the totals of an episode.

    reward: the name of a preset, or {term: weight}. The weight of a missing term is 0. Weights of costs are positive,
    too: a cost is subtracted. objectives, costs: functions that return a term's amount in a step."""

    def __init__(
        self,
        reward: str | Mapping[str, float],
        presets: Mapping[str, Mapping[str, float]],
        objectives: Mapping[str, Callable[[Step], float]],
        costs: Mapping[str, Callable[[Step], float]],
    ) -> None:
        if isinstance(reward, str):
            if reward not in presets:
                raise ValueError(
                    f"reward is {reward!r}{nearest(reward, list(presets))}; expected {listed(presets)}, or a "
                    "dictionary of terms and weights"
                )
            reward = presets[reward]
        terms = {**objectives, **costs}
        for name, weight in reward.items():
            if name not in terms:
                raise ValueError(
                    f"reward has no term {name!r}{nearest(name, list(terms))}; expected {listed(objectives)} "
                    f"(objectives) or {listed(costs)} (costs)"
                )
            if not isinstance(weight, int | float) or not math.isfinite(weight):
                raise ValueError(f"reward: the weight of {name!r} is {weight!r}; expected a number")
        self._terms = [
            (name, -float(weight) if name in costs else float(weight), terms[name], name in costs)
            for name, weight in reward.items()
        ]
        self.begin()

    def begin(self) -> None:
        """Forget the last episode."""
        self._totals = dict.fromkeys((name for name, *_ in self._terms), 0.0)

    def weigh(self, step: Step) -> tuple[float, dict[str, Any]]:
        """Return the reward of a step and its part of info."""
        shares: dict[str, float] = {}
        granted = paid = 0.0
        for name, weight, amount, is_cost in self._terms:
            share = weight * amount(step)
            shares[name] = share
            self._totals[name] += share
            if is_cost:
                paid += share
            else:
                granted += share
        info = {"reward_terms": shares, "reward_objectives": granted, "reward_costs": paid}
        return granted + paid, info

    def metrics(self) -> dict[str, float]:
        """Return the episode's total of each term, for charts."""
        return {f"reward_{name}": total for name, total in self._totals.items()}
