"""n64gym/OpenKart-v0: time trial in Open Kart, rewarded from its telemetry in RDRAM."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from n64gym import controller
from n64gym.emulator import Emulator
from n64gym.n64_env import VIS_PER_SECOND, N64Env, Outcome
from n64gym.rom import OPEN_KART, RomError

TELEMETRY_WORD = 0x400 // 4  # openkart/src/telemetry.h
MAGIC = 0x4F4B5254  # "OKRT"
VERSION = 2
FIXED = 1 << 16  # s16.16

TITLE, COURSE_SELECT, COUNTDOWN, RACE, RESULTS = range(1, 6)

PRESS_VIS = 2  # a press counts on its rising edge, and the pad is read once a VI
BOOT_VIS = 600  # its tables take it about a hundred
MENU_VIS = 1200  # title to start of the race takes far less than 20 s
REWARD_PER_LAP = 100.0
# Without it, an agent that values the way still ahead learns to stop short of the last line, where all of it ends.
REWARD_FOR_FINISHING = 100.0


class Telemetry(NamedTuple):
    """openkart/src/telemetry.h, word by word, in its units."""

    magic: int
    version: int
    stage: int
    paused: int
    course: int
    laps: int
    laps_done: int
    lap_progress: int
    race_progress: int
    speed: int
    x: int
    y: int
    z: int
    heading: int
    off_road: int
    wrong_way: int
    finished: int
    race_time: int
    lap_time_1: int
    lap_time_2: int
    lap_time_3: int
    frames: int
    vis: int
    wall_hits: int
    drifting: int
    lateral: int
    heading_error: int
    reads: int
    mode: int
    seed: int
    level: int
    karts: int
    place: int
    start: int
    menu_row: int
    kart_hits: int
    ahead_1: int
    ahead_2: int
    ahead_3: int
    ahead_4: int
    ahead_5: int
    ahead_6: int
    lap_metres: int
    half_width: int
    course_ready: int
    rival_1: int
    rival_2: int
    rival_3: int
    rival_4: int
    rival_5: int
    rival_6: int
    rival_7: int


def read_telemetry(rdram: NDArray[np.uint32]) -> Telemetry:
    """The telemetry block as it stands in RDRAM, words [2097152]."""
    return Telemetry(*rdram[TELEMETRY_WORD : TELEMETRY_WORD + len(Telemetry._fields)].view(np.int32).tolist())


class OpenKartEnv(N64Env):
    """One race of three laps against the clock.

    Actions: Discrete(12), gym-mupen64plus' driving actions (controller.DRIVING). Reward: 100 for each lap's worth of
    way made, fractions included; driving back costs as much; and 100 for finishing. Terminated when the race is
    finished, truncated after `time_limit` seconds of the game's time, or `stuck_limit` of them without new way made.
    Other arguments: see N64Env.
    info: the telemetry in everyday units, and `metrics`, the episode's figures, with the last step.
    """

    native_size = (120, 160)

    def __init__(
        self, rom: str | Path | None = None, *, time_limit: float = 180.0, stuck_limit: float = 10.0, **settings: Any
    ) -> None:
        self.action_space = spaces.Discrete(len(controller.DRIVING))
        self._time_limit = time_limit * VIS_PER_SECOND
        self._stuck_limit = stuck_limit * VIS_PER_SECOND
        super().__init__(rom or OPEN_KART, **settings)

    def _word(self, action: Any) -> int:
        return controller.DRIVING[int(action)].word

    def _go_to_start(self, emulator: Emulator) -> None:
        telemetry = read_telemetry(emulator.rdram)
        while emulator.vi_count < MENU_VIS:
            if telemetry.stage == RACE:
                return
            press = controller.A if telemetry.stage in (TITLE, COURSE_SELECT, RESULTS) else 0
            emulator.step(PRESS_VIS, press)
            emulator.step(PRESS_VIS)
            telemetry = read_telemetry(emulator.rdram)
            if (telemetry.magic, telemetry.version) != (MAGIC, VERSION) and emulator.vi_count > BOOT_VIS:
                break
        raise RomError(
            f"{emulator.rom.path.name} ({emulator.rom.name}) does not behave like Open Kart: after {emulator.vi_count} "
            f"VIs its telemetry has magic {telemetry.magic & 0xFFFFFFFF:#x} (expected {MAGIC:#x}), version "
            f"{telemetry.version} (expected {VERSION}) and stage {telemetry.stage} (expected {RACE}, the race)"
        )

    def _begin_episode(self, emulator: Emulator) -> dict[str, Any]:
        telemetry = read_telemetry(emulator.rdram)
        self._progress = self._best_progress = telemetry.race_progress
        self._best_time = telemetry.race_time
        self._off_road_steps = self._steps = 0
        return describe(telemetry)

    def _judge(self, emulator: Emulator) -> Outcome:
        telemetry = read_telemetry(emulator.rdram)
        reward = REWARD_PER_LAP * (telemetry.race_progress - self._progress) / FIXED
        self._progress = telemetry.race_progress
        if telemetry.race_progress > self._best_progress:
            self._best_progress, self._best_time = telemetry.race_progress, telemetry.race_time
        self._steps += 1
        self._off_road_steps += telemetry.off_road
        terminated = bool(telemetry.finished)
        truncated = not terminated and (
            telemetry.race_time >= self._time_limit or telemetry.race_time - self._best_time >= self._stuck_limit
        )
        if terminated:
            reward += REWARD_FOR_FINISHING
        info = describe(telemetry)
        if terminated or truncated:
            info["metrics"] = self._metrics(info)
        return Outcome(reward, terminated, truncated, info)

    def _metrics(self, info: dict[str, Any]) -> dict[str, float]:
        metrics = {
            "progress": info["race_progress"],
            "finished": float(info["finished"]),
            "off_road": self._off_road_steps / self._steps,
            "wall_hits": float(info["wall_hits"]),
            "emulator_restarts": float(self.emulator_restarts),
        }
        if info["lap_times"]:
            metrics["best_lap_s"] = min(info["lap_times"])
        if info["finished"]:
            metrics["race_time_s"] = info["race_time"]
        return metrics


def describe(telemetry: Telemetry) -> dict[str, Any]:
    """Telemetry in laps, seconds, km/h, course units and degrees."""
    laps = (telemetry.lap_time_1, telemetry.lap_time_2, telemetry.lap_time_3)
    return {
        "stage": telemetry.stage,
        "course": telemetry.course,
        "lap": telemetry.laps_done,
        "lap_progress": telemetry.lap_progress / FIXED,
        "race_progress": telemetry.race_progress / FIXED,
        "speed": telemetry.speed / FIXED,
        "position": (telemetry.x / FIXED, telemetry.y / FIXED, telemetry.z / FIXED),
        "heading": telemetry.heading * 360 / FIXED,
        "heading_error": telemetry.heading_error * 360 / FIXED,
        "lateral": telemetry.lateral / FIXED,
        "off_road": bool(telemetry.off_road),
        "wrong_way": bool(telemetry.wrong_way),
        "drifting": bool(telemetry.drifting),
        "wall_hits": telemetry.wall_hits,
        "finished": bool(telemetry.finished),
        "race_time": telemetry.race_time / VIS_PER_SECOND,
        "lap_times": tuple(vis / VIS_PER_SECOND for vis in laps if vis),
    }
