"""The base class of racing games: actions, reward, end of an episode, and an episode's figures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from n64gym.actions import driving
from n64gym.episode import Outcome
from n64gym.machine.controller import STICK, stick_of
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import Rom
from n64gym.n64_env import VIS_PER_SECOND, N64Env
from n64gym.race import COSTS, OBJECTIVES, PRESETS, RaceStatus, RaceStep
from n64gym.rewards import Reward

FIGURES: dict[str, dict[str, Any]] = {  # see N64Env.metadata
    "finished": {"summary": "rate", "headline": True},
    "progress": {"label": "driven", "unit": "laps", "headline": True},
    "best_lap_s": {"summary": "least", "headline": True},
    "race_time_s": {"label": "race", "headline": True},
    "lap_*_s": {"label": "lap time *", "unit": "s"},
    "place": {},
    "off_road": {"label": "off the road", "summary": "rate"},
    "collisions": {},
}


class RaceEnv(N64Env):
    """One race.

    actions: "discrete", "multidiscrete", "signed" or "continuous", see actions.py.
    reward: a preset, or {term: weight} with the terms of race.py. Preset "progress": 100 per lap of progress, in
    proportion for parts of a lap, negative for driving back, and 100 for finishing. Preset "time": 1 per second left of
    the time limit at the finish, else 0. Preset "legacy": gym-mupen64plus' weights.

    An episode terminates at the finish. It is truncated after `time_limit` seconds of game time, or after `stuck_limit`
    seconds without new progress. Other arguments: see N64Env.

    info: `reward_terms`, `reward_objectives` and `reward_costs` of the step; all fields of RaceStatus; the game's
    additional values; in the last step also `metrics`, the episode's figures.
    """

    metadata: dict[str, Any] = {**N64Env.metadata, "figures": {**FIGURES, **N64Env.metadata["figures"]}}  # noqa: RUF012
    record_ignores: ClassVar[Mapping[str, frozenset[str]]] = {"lap": frozenset(), "race": frozenset()}
    """The settings in which two laps, or two races, may differ and still compete for the same record."""
    remembers = (*N64Env.remembers, "_step", "_stick", "_off_road_steps", "_reward")

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        actions: str = "discrete",
        reward: str | Mapping[str, float] = "progress",
        time_limit: float = 180.0,
        stuck_limit: float = 10.0,
        **settings: Any,
    ) -> None:
        self._actions = driving(actions)
        self.action_space = self._actions.space()
        self._reward = Reward(reward, PRESETS, OBJECTIVES, COSTS)
        self._time_limit = time_limit
        self._stuck_limit = stuck_limit
        super().__init__(rom, **settings)

    @abstractmethod
    def _status(self, emulator: Emulator) -> RaceStatus:
        """Return the state of the race."""

    def _describe(self, status: RaceStatus) -> dict[str, Any]:
        """Return the info of the last `_status`: the RaceStatus, and the game's additional values."""
        return status._asdict()

    @classmethod
    def race_in(cls, emulator: Emulator) -> dict[str, Any]:
        """Return the settings of the race in the game's memory, without those that have no effect on it.

        Empty if the game does not show them. Raises RomError if the memory is not this game's."""
        return {}

    def begin_race(self, emulator: Emulator) -> RaceStatus:
        """Begin to read a race from an emulator that is not this environment's, such as a movie's."""
        self._begin_episode(emulator, {})
        return self._step.now

    def read_race(self, emulator: Emulator) -> RaceStatus:
        """Return the state of the race that `begin_race` began to read."""
        return self._status(emulator)

    @classmethod
    def title(cls, setup: Mapping[str, Any]) -> str:
        """Return the course."""
        return str(setup.get("course", ""))

    def _word(self, action: Any) -> int:
        return self._actions.word(action)

    def get_action_meanings(self) -> list[str]:
        """Return the names of the actions, or of an action's parts. The method's name is ALE's."""
        return self._actions.names()

    def action_of(self, buttons: int) -> Any:
        """Return the action nearest to a controller word."""
        return self._actions.action(buttons)

    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        status = self._status(emulator)
        self._step = RaceStep(status, status, status, self.frameskip / VIS_PER_SECOND, self._time_limit)
        self._stick = self._off_road_steps = 0
        self._reward.begin()
        return self._describe(status)

    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        status = self._status(emulator)
        stick, _ = stick_of(word)
        step = self._step
        step.before, step.now = step.now, status
        step.steps += 1
        step.stick_moved = abs(stick - self._stick) / (2 * STICK)
        reward, info = self._reward.weigh(step)
        if status.progress > step.furthest.progress:
            step.furthest = status
        self._stick = stick
        self._off_road_steps += status.off_road
        truncated = not status.finished and (
            status.race_time >= self._time_limit or status.race_time - step.furthest.race_time >= self._stuck_limit
        )
        info |= self._describe(status)
        if status.finished or truncated:
            info["metrics"] = self._metrics(status)
        return Outcome(reward, status.finished, truncated, info)

    def live_figures(self, info: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return lap, place among rivals, race time and lap times as texts."""
        if "laps" not in info:  # the emulator has died
            return []
        laps = info["laps"]
        lap = f"{min(info['lap'] + 1, laps)}/{laps}"
        rivals = info["karts"] > 1
        found = [("lap, place", f"{lap}, {info['place']}") if rivals else ("lap", lap)]
        found.append(("race", f"{info['race_time']:.1f} s"))
        times = [f"{seconds:.2f} s" for seconds in info["lap_times"]] + ["-"] * laps
        return found + [(f"lap {n}", time) for n, time in enumerate(times[: min(laps, 3)], start=1)]

    def _metrics(self, status: RaceStatus) -> dict[str, float]:
        metrics = {
            "progress": status.progress,
            "finished": float(status.finished),
            "off_road": self._off_road_steps / self._step.steps,
            "collisions": float(status.collisions),
            "emulator_restarts": float(self.emulator_restarts),
            **self._reward.metrics(),
        }
        if status.karts > 1:
            metrics["place"] = float(status.place)
        if status.lap_times:
            metrics["best_lap_s"] = min(status.lap_times)
            metrics |= {f"lap_{n}_s": seconds for n, seconds in enumerate(status.lap_times, start=1)}
        if status.finished:
            metrics["race_time_s"] = status.race_time
        return metrics
