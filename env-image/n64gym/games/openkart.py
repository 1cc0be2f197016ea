"""n64gym/OpenKart-v0: races in Open Kart, this project's game, read from its telemetry in RDRAM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from n64gym.episode import StartError
from n64gym.games.openkart_menu import go_to_race, setup_of, telemetry_of
from n64gym.games.openkart_road import read_road
from n64gym.games.openkart_telemetry import (
    COURSES,
    DRAW_FROM,
    FIXED,
    FRAMES,
    HALF_TURN,
    LEVELS,
    MAGIC,
    MODES,
    RACE,
    TELEMETRY_WORD,
    VERSION,
    VIS,
    Telemetry,
    read_telemetry,
)
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import OPEN_KART, RomError
from n64gym.n64_env import VIS_PER_SECOND
from n64gym.race import RaceStatus
from n64gym.race_env import RaceEnv
from n64gym.road import RoadEdges
from n64gym.settings import Setting

START_VIS = 10  # a race at most this old is still at its start


class OpenKartEnv(RaceEnv):
    """A race in Open Kart.

    mode: "time_trial" (alone, against the clock) or "grand_prix" (against CPU karts).
    course: one of COURSES. "generated" is the course that the game makes from `course_seed`, 0 to 9999.
    level: skill of the CPU karts, "easy", "medium" or "hard". laps: 1 to 3.
    start: where on the lap the race begins, from 0 to 0.99 in steps of 0.01. mirror: swap left and right.

    Each of these arguments can be a list: every reset then draws a value from it. The `options` of reset have the same
    names. Other arguments: see RaceEnv and N64Env.
    """

    native_size = (120, 160)
    settings: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(MODES, "time_trial"),
        "course": Setting(COURSES, "meadow"),
        "course_seed": Setting(range(10_000), 0),
        "level": Setting(LEVELS, "medium"),
        "laps": Setting(range(1, 4), 3),
        "start": Setting(range(100), 0.0, parts=100),
        "mirror": Setting((False, True), False),
    }
    telemetry_names = (
        "speed",  # 1 = 100 km/h
        "lateral",  # -1 left edge of the road, 1 right edge
        "heading_error",  # relative to the course, 1 = half a turn to the right
        # The change of the course's heading over the next metres, 1 = half a turn to the right.
        *(f"bend_{metres}m" for metres in (10, 20, 30, 40, 50, 60)),
        "lap_progress",
        "laps_left",  # as a share of all laps of the race, 1 to 0
        "place",  # 0 = first, 1 = last
        "off_road",
        "wrong_way",
        "drifting",
    )

    def __init__(
        self,
        rom: str | Path | None = None,
        *,
        mode: Any = "time_trial",
        course: Any = "meadow",
        course_seed: Any = 0,
        level: Any = "medium",
        laps: Any = 3,
        start: Any = 0.0,
        mirror: Any = False,
        **settings: Any,
    ) -> None:
        choices = {
            "mode": mode,
            "course": course,
            "course_seed": course_seed,
            "level": level,
            "laps": laps,
            "start": start,
            "mirror": mirror,
        }
        super().__init__(rom or OPEN_KART, choices=choices, **settings)

    # All telemetry except two words that depend on how often pictures are read: FRAMES and DRAW_FROM.
    watch = (
        [TELEMETRY_WORD, TELEMETRY_WORD + FRAMES, 1],
        [TELEMETRY_WORD + FRAMES + 1, TELEMETRY_WORD + DRAW_FROM, 1],
    )
    watch_at_end = watch
    record_ignores: ClassVar[Mapping[str, frozenset[str]]] = {"lap": frozenset({"laps", "start"}), "race": frozenset()}

    def in_play(self, emulator: Emulator) -> bool:
        """Return whether a race is in progress."""
        return read_telemetry(emulator.rdram).stage == RACE

    @classmethod
    def title(cls, setup: Mapping[str, Any]) -> str:
        """Return the course, its seed if it has one, and whether it is mirrored."""
        seed = f" {setup['course_seed']}" if setup["course"] == "generated" else ""
        return f"{setup['course']}{seed}{', mirrored' if setup['mirror'] else ''}"

    @classmethod
    def position(cls, emulator: Emulator) -> tuple[float, float]:
        """Return x and z in metres."""
        telemetry = read_telemetry(emulator.rdram)
        return telemetry.x / FIXED, telemetry.z / FIXED

    @classmethod
    def road(cls, emulator: Emulator) -> RoadEdges:
        """Return the edges of the road: where the asphalt ends, or where a wall stops a kart."""
        road = read_road(emulator.rdram)
        return RoadEdges(
            road.centre - road.left_edge[:, None] * road.right, road.centre + road.right_edge[:, None] * road.right
        )

    def foresee(self, emulator: Emulator, vis: int) -> None:
        """Tell the game which pictures are not read. Drawing takes most of its time."""
        # The game draws every second VI. So exactly one of the step's last two VIs draws a picture.
        rdram = emulator.rdram
        rdram[TELEMETRY_WORD + DRAW_FROM] = rdram[TELEMETRY_WORD + VIS] + (vis - 1)

    @classmethod
    def race_in(cls, emulator: Emulator) -> dict[str, Any]:
        """Return the settings of the race in the telemetry."""
        telemetry = read_telemetry(emulator.rdram)
        if (telemetry.magic, telemetry.version) != (MAGIC, VERSION):
            raise RomError(
                f"{emulator.rom.path.name} ({emulator.rom.name}) is not this release's Open Kart: its telemetry has "
                f"magic {telemetry.magic & 0xFFFFFFFF:#x} and version {telemetry.version}, expected {MAGIC:#x} and "
                f"{VERSION}"
            )
        return setup_of(telemetry)

    def _what_matters(self, setup: Mapping[str, Any]) -> Mapping[str, Any]:
        return telemetry_of(setup)

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        go_to_race(emulator, setup)

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        telemetry = read_telemetry(emulator.rdram)
        expected = {"stage": RACE, "paused": 0, "finished": 0, "laps_done": 0, **telemetry_of(setup)}
        found = {name: getattr(telemetry, name) for name in expected}
        if found != expected or telemetry.race_time > START_VIS:
            raise StartError(f"a start state of Open Kart shows {found}; expected {expected}")

    def _status(self, emulator: Emulator) -> RaceStatus:
        self._read = telemetry = read_telemetry(emulator.rdram)
        laps: tuple[int, ...] = ()
        if telemetry.laps_done:
            laps = (telemetry.lap_time_1, telemetry.lap_time_2, telemetry.lap_time_3)[telemetry.start > 0 :]
        return RaceStatus(  # positional arguments, because this runs every step
            telemetry.race_progress / FIXED,
            telemetry.laps_done,
            telemetry.laps,
            telemetry.speed / FIXED,
            telemetry.place,
            telemetry.karts,
            telemetry.wrong_way != 0,
            telemetry.off_road != 0,
            telemetry.wall_hits + telemetry.kart_hits,
            telemetry.finished != 0,
            telemetry.race_time / VIS_PER_SECOND,
            tuple([vis / VIS_PER_SECOND for vis in laps if vis]) if laps else laps,
        )

    def _describe(self, status: RaceStatus) -> dict[str, Any]:
        telemetry = self._read
        return {  # written out instead of using _asdict, because it runs every step
            "progress": status.progress,
            "lap": status.lap,
            "laps": status.laps,
            "speed": status.speed,
            "place": status.place,
            "karts": status.karts,
            "wrong_way": status.wrong_way,
            "off_road": status.off_road,
            "collisions": status.collisions,
            "finished": status.finished,
            "race_time": status.race_time,
            "lap_times": status.lap_times,
            "stage": telemetry.stage,
            "course": COURSES[telemetry.course],
            "lap_progress": telemetry.lap_progress / FIXED,
            "position": (telemetry.x / FIXED, telemetry.y / FIXED, telemetry.z / FIXED),  # metres
            "heading": telemetry.heading * 360 / FIXED,  # degrees
            "heading_error": telemetry.heading_error * 360 / FIXED,
            "lateral": telemetry.lateral / FIXED,
            "drifting": telemetry.drifting != 0,
        }

    def _telemetry(self, emulator: Emulator) -> list[float]:
        telemetry = read_telemetry(emulator.rdram)
        bends = telemetry[Telemetry._fields.index("ahead_1") :][:6]
        return [
            telemetry.speed / FIXED / 100,
            telemetry.lateral / FIXED,
            telemetry.heading_error / HALF_TURN,
            *(bend / HALF_TURN for bend in bends),
            telemetry.lap_progress / FIXED,
            1 - telemetry.laps_done / telemetry.laps,
            (telemetry.place - 1) / max(1, telemetry.karts - 1),
            telemetry.off_road,
            telemetry.wrong_way,
            telemetry.drifting,
        ]
