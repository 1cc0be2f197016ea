"""A wrapper that records the kart's place and speed in each race, for maps and speed charts."""

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

PLACES = 120  # points along a lap at which speeds are compared


class Trace(NamedTuple):
    """One race, step by step."""

    course: str
    way: np.ndarray  # laps since the start line [N]
    speed: np.ndarray  # km/h [N]
    position: np.ndarray  # metres, right and up on a map [N, 2]; [0, 2] if unknown
    edges: tuple[np.ndarray, np.ndarray] | None  # of the road, left and right, closed [M, 2]; None if unknown


class Traced(gym.Wrapper):
    """Adds each race to a list, if the environment's info has `progress` and `speed`; else changes nothing."""

    def __init__(self, env: gym.Env, traces: list[Trace]) -> None:
        super().__init__(env)
        self._traces = traces
        self._rows: list[tuple[float, ...]] = []
        self._course = ""
        self._edges: tuple[np.ndarray, np.ndarray] | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a race."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._rows = []
        self._course = str(info.get("title", info.get("course", "")))
        edges = getattr(self.env.unwrapped, "road_edges", None)
        known = [trace.edges for trace in self._traces if trace.course == self._course]
        self._edges = known[0] if known else edges() if edges else None
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and record the kart's place and speed."""
        outcome = self.env.step(action)
        info = outcome[4]
        if "progress" in info and "speed" in info:
            x, _, z = info.get("position", (np.nan,) * 3)
            self._rows.append((info["progress"], info["speed"], x, z))
        if (outcome[2] or outcome[3]) and self._rows:
            rows = np.array(self._rows, float)
            position = rows[:, 2:] if np.isfinite(rows[:, 2:]).all() else np.empty((0, 2))
            self._traces.append(Trace(self._course, rows[:, 0], rows[:, 1], position, self._edges))
            self._rows = []
        return outcome


def lap_speeds(trace: Trace) -> np.ndarray:
    """Return the speed at PLACES equal steps along each lap, km/h [laps, PLACES]; NaN where nothing was driven."""
    onward = np.concatenate([[True], np.diff(np.maximum.accumulate(trace.way)) > 0])  # driving back does not count
    way, speed = trace.way[onward], trace.speed[onward]
    laps = []
    for lap in range(max(0, int(np.floor(way[0]))), int(np.ceil(way[-1] - 0.02))):
        laps.append(np.interp(lap + np.arange(PLACES) / PLACES, way, speed, left=np.nan, right=np.nan))
    return np.array(laps).reshape(-1, PLACES)
