"""Operates Open Kart's menus, guided by its telemetry, from power-on to the start of a race."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from n64gym.games.openkart_telemetry import (
    COUNTDOWN,
    COURSE_SELECT,
    COURSES,
    LEVELS,
    MAGIC,
    MODES,
    RACE,
    RESULTS,
    TITLE,
    VERSION,
    Telemetry,
    read_telemetry,
)
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import RomError

BOOT_VIS = 600  # timeout; making the tables takes about 100 VIs
MENU_VIS = 3000  # 50 s, far more than title to start of the race takes
PRESS_VIS = 2  # a press counts on its rising edge, and the game reads the pad once per VI

ROWS = ("mode", "course", "seed", "level", "laps", "start", "mirror")  # from top to bottom
VALUES = {"mode": 2, "course": len(COURSES), "seed": 10_000, "level": 3, "laps": 3, "start": 100, "mirror": 2}
STRIDES = ((1000, controller.Z), (100, controller.R), (10, controller.L), (1, 0))  # step, button held
LEFT, RIGHT = controller.word(x=-controller.STICK), controller.word(x=controller.STICK)
UP, DOWN = controller.word(y=controller.STICK), controller.word(y=-controller.STICK)


def telemetry_of(setup: Mapping[str, Any]) -> dict[str, int]:
    """Return the telemetry values in the menu and in the race for `setup`, without those that have no effect."""
    shown = {
        "mode": MODES.index(setup["mode"]),
        "course": COURSES.index(setup["course"]),
        "laps": setup["laps"],
        "start": round(setup["start"] * 100),
        "mirror": int(setup["mirror"]),
    }
    if setup["course"] == "generated":
        shown["seed"] = setup["course_seed"]
    if setup["mode"] == "grand_prix":
        shown["level"] = LEVELS.index(setup["level"])
    return shown


def setup_of(telemetry: Telemetry) -> dict[str, Any]:
    """Return the settings of the race that the telemetry shows, without those that have no effect. The inverse of
    `telemetry_of`."""
    setup = {
        "mode": MODES[telemetry.mode],
        "course": COURSES[telemetry.course],
        "laps": telemetry.laps,
        "start": telemetry.start / 100,
        "mirror": bool(telemetry.mirror),
    }
    if setup["course"] == "generated":
        setup["course_seed"] = telemetry.seed
    if setup["mode"] == "grand_prix":
        setup["level"] = LEVELS[telemetry.level]
    return setup


def go_to_race(emulator: Emulator, setup: Mapping[str, Any]) -> None:
    """Operate the game from power-on to the start of the race. Raises RomError if it is not Open Kart."""
    wanted = telemetry_of(setup)
    telemetry = read_telemetry(emulator.rdram)
    while telemetry.stage != RACE:
        is_open_kart = telemetry.magic == MAGIC
        if is_open_kart and telemetry.version != VERSION:
            raise RomError(
                f"{emulator.rom.path} is Open Kart of another build: its telemetry is version {telemetry.version}, "
                f"expected {VERSION}: run `make -C env-image`"
            )
        if emulator.vi_count > (MENU_VIS if is_open_kart else BOOT_VIS):
            raise RomError(
                f"{emulator.rom.path.name} ({emulator.rom.name}) does not behave like Open Kart: after "
                f"{emulator.vi_count} VIs its telemetry has magic {telemetry.magic & 0xFFFFFFFF:#x} (expected "
                f"{MAGIC:#x}) and stage {telemetry.stage} (expected {RACE}, the race)"
            )
        emulator.step(PRESS_VIS, next_press(telemetry, wanted))
        if telemetry.stage != COUNTDOWN:
            emulator.step(PRESS_VIS)
        telemetry = read_telemetry(emulator.rdram)


def next_press(telemetry: Telemetry, wanted: Mapping[str, int]) -> int:
    """Return the controller word that brings the menus closer to the race."""
    if telemetry.stage in (TITLE, RESULTS):
        return controller.A
    if telemetry.stage != COURSE_SELECT:
        return 0
    for row, name in enumerate(ROWS):
        if name not in wanted or getattr(telemetry, name) == wanted[name]:
            continue
        if telemetry.menu_row != row:
            return DOWN if telemetry.menu_row < row else UP
        return toward(wanted[name] - getattr(telemetry, name), VALUES[name])
    return controller.A


def toward(difference: int, values: int) -> int:
    """Return the press that moves a value towards its target by the largest useful step. Values wrap."""
    difference = (difference + values // 2) % values - values // 2
    stride = 0
    if values >= 100:
        stride = next(held for size, held in STRIDES if size < values and size <= abs(difference))
    return stride | (RIGHT if difference > 0 else LEFT)
