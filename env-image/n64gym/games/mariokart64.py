"""n64gym/MarioKart64-v0: races in Mario Kart 64 (US), read from the game's variables in RDRAM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from n64gym.episode import StartError
from n64gym.games.cartridge import Cartridge
from n64gym.games.mariokart64_memory import (
    CHARACTERS,
    CLASSES,
    COURSES,
    DRIFTING,
    HIT,
    LAPS,
    MODES,
    WATCH,
    Race,
    is_off_road,
    place_of,
    read_menu,
    read_race,
)
from n64gym.games.mariokart64_menu import check_race, go_to_race, in_race, wanted_of
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import MARIO_KART_64, RomError
from n64gym.race import RaceStatus
from n64gym.race_env import RaceEnv
from n64gym.settings import Setting

CARTRIDGE = Cartridge(MARIO_KART_64, "n64gym/MarioKart64-v0")
KMH = 12.0  # km/h per unit of speed: the game displays speed / 18 * 216
HUNDREDTH = 0.01  # seconds


class MarioKart64Env(RaceEnv):
    """A race in Mario Kart 64 (US).

    mode: "time_trial" (alone, against the clock) or "grand_prix" (against seven others).
    course: one of the sixteen in COURSES. In a grand prix, the first course of a cup, because the game begins with it:
    luigi_raceway, toads_turnpike, wario_stadium or dks_jungle_parkway.
    character: one of CHARACTERS. engine: "50cc", "100cc" or "150cc"; used in a grand prix only.

    Each of these arguments can be a list: every reset then draws a value from it. The `options` of reset have the same
    names.

    rom: the ROM file, in any byte order. check_rom: reject a file with a different hash. video: the video plugin, or
    None for no picture, which is much faster. Other arguments: see RaceEnv and N64Env.

    `collisions` counts hits by items, enemies and tumbles. Contact with a wall or another kart is not counted: no
    memory address is known that records it. Off road means that at least two tyres are off the road."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(MODES, "time_trial"),
        "course": Setting(tuple(COURSES), "luigi_raceway"),
        "character": Setting(CHARACTERS, "mario"),
        "engine": Setting(CLASSES, "100cc"),
    }
    telemetry_names = (
        "speed",  # 1 = 100 km/h
        "lap_progress",  # position in the lap, 0 to 1 from the line
        "laps_left",  # as a share of all laps of the race, 1 to 0
        "place",  # 0 = first, 1 = last
        "off_road",
        "wrong_way",
        "drifting",
    )
    watch = WATCH
    remembers = (*RaceEnv.remembers, "_progress", "_hits", "_hit")
    record_ignores: ClassVar[Mapping[str, frozenset[str]]] = {
        "lap": frozenset({"character"}),
        "race": frozenset({"character"}),
    }

    def __init__(
        self,
        rom: str | Path = "",
        *,
        mode: Any = "time_trial",
        course: Any = "luigi_raceway",
        character: Any = "mario",
        engine: Any = "100cc",
        time_limit: float = 420.0,  # the longest courses take six minutes
        check_rom: bool = True,
        video: str | None = "glide64mk2",
        **settings: Any,
    ) -> None:
        cartridge = CARTRIDGE.open(rom, check_rom)
        choices = {"mode": mode, "course": course, "character": character, "engine": engine}
        super().__init__(cartridge, choices=choices, time_limit=time_limit, video=video, **settings)

    def in_play(self, emulator: Emulator) -> bool:
        """Return whether a race is in progress."""
        return in_race(read_menu(emulator.memory))

    @classmethod
    def position(cls, emulator: Emulator) -> tuple[float, float]:
        """Return x and z in the game's units."""
        x, _, z = read_race(emulator.memory).position
        return x, z

    @classmethod
    def race_in(cls, emulator: Emulator) -> dict[str, Any]:
        """Return the settings of the race in the game's variables."""
        race, menu = read_race(emulator.memory), read_menu(emulator.memory)
        names = {number: name for name, number in COURSES.items()}
        try:
            setup = {"mode": race.mode, "course": names[race.course], "character": CHARACTERS[race.character]}
            return setup | ({"engine": CLASSES[menu.engine]} if race.mode == "grand_prix" else {})
        except LookupError:
            raise RomError(
                f"{emulator.rom.path.name} ({emulator.rom.name}): its memory is not that of a race in Mario Kart 64 "
                f"(US): course {race.course}, character {race.character}, engine class {menu.engine}"
            ) from None

    def _what_matters(self, setup: Mapping[str, Any]) -> Mapping[str, Any]:
        return wanted_of(setup)._asdict()

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        go_to_race(emulator, setup)

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        check_race(emulator, setup, StartError)

    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        self._progress = 0.0
        self._hits, self._hit = 0, False
        return super()._begin_episode(emulator, setup)

    def _status(self, emulator: Emulator) -> RaceStatus:
        self._read = race = read_race(emulator.memory)
        # Just before the line, the path's points restart from 0, but the lap number has not yet changed. For a moment
        # the game's value is one lap too low. A kart cannot move half a lap in a step, so the nearest value is right.
        self._progress = min(
            (race.completion + lap for lap in (-1, 0, 1)), key=lambda progress: abs(progress - self._progress)
        )
        self._hits += bool(race.effects & HIT) and not self._hit
        self._hit = bool(race.effects & HIT)
        lap = laps_done(race)
        place, karts = place_of(race)
        finished = race.complete or race.lap >= LAPS
        return RaceStatus(
            progress=self._progress,
            lap=lap,
            laps=LAPS,
            speed=race.speed * KMH,
            place=place,
            karts=karts,
            wrong_way=race.wrong_way,
            off_road=is_off_road(race),
            collisions=self._hits,
            finished=finished,
            race_time=race.lap_ends[-1] * HUNDREDTH if finished and race.lap_ends[-1] else race.timer,
            lap_times=tuple(time * HUNDREDTH for time in race.lap_times[:lap] if time),
        )

    def _describe(self, status: RaceStatus) -> dict[str, Any]:
        race: Race = self._read
        return status._asdict() | {
            "position": race.position,  # in the game's units
            "velocity": race.velocity,  # units per 1/60 s
            "surfaces": race.surfaces,  # surface under each tyre, as the game's id
            "item": race.item,
            "path_point": (race.path_point, race.path_points),
            "lap_hundredths": race.lap_times,  # in hundredths of a second
        }

    def _telemetry(self, emulator: Emulator) -> list[float]:
        race = read_race(emulator.memory)
        place, karts = place_of(race)
        return [
            race.speed * KMH / 100,
            race.path_point / max(1, race.path_points),
            1 - laps_done(race) / LAPS,
            (place - 1) / max(1, karts - 1),
            is_off_road(race),
            race.wrong_way,
            bool(race.effects & DRIFTING),
        ]


def laps_done(race: Race) -> int:
    """Return the number of completed laps, 0 to 3."""
    return min(max(race.lap, 0), LAPS)
