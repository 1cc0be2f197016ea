"""Operates Mario Kart 64's menus, guided by RDRAM, from power-on to the start of a race, and verifies that race."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from n64gym.games import mariokart64_memory as ram
from n64gym.games.mariokart64_memory import Menu, Race, read_menu, read_race
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import RomError

PRESS_VIS = 4  # the pad is read every second VI, and a press counts on its rising edge
MENU_VIS = 5400  # 90 s, far more than power-on to the start of the race takes
IDLE_VIS = 1500  # 25 s, far more than the longest pause (loading or camera flight)

LEFT, RIGHT = controller.word(x=-controller.STICK), controller.word(x=controller.STICK)
UP, DOWN = controller.word(y=controller.STICK), controller.word(y=-controller.STICK)


class Wanted(NamedTuple):
    """The choices to make in the menus, as the game's numbers."""

    mode: int
    option: int  # in a time trial, 0 is "begin"
    engine: int  # a time trial is always driven at 100cc
    grid: int
    character: int
    cup: int
    cup_course: int
    course: int


def wanted_of(setup: Mapping[str, Any]) -> Wanted:
    """Return the choices for `setup`. Raises ValueError for a grand prix on a course that is not its cup's first."""
    place = list(ram.COURSES).index(setup["course"])
    grand_prix = setup["mode"] == "grand_prix"
    if grand_prix and place % 4:
        raise ValueError(
            f"a grand prix begins on its cup's first course, and {setup['course']!r} is number {place % 4 + 1} of its "
            f"cup: choose {', '.join(repr(name) for name in list(ram.COURSES)[::4])}, or mode='time_trial'"
        )
    engine = ram.CLASSES.index(setup["engine"]) if grand_prix else ram.CLASSES.index("100cc")
    return Wanted(
        mode=ram.MODES.index(setup["mode"]),
        option=engine if grand_prix else 0,
        engine=engine,
        grid=ram.GRID.index(setup["character"]) + 1,
        character=ram.CHARACTERS.index(setup["character"]),
        cup=place // 4,
        cup_course=place % 4,
        course=ram.COURSES[setup["course"]],
    )


def go_to_race(emulator: Emulator, setup: Mapping[str, Any]) -> None:
    """Operate the game from power-on to the start of the race. Raises RomError, with the values found, if none
    starts."""
    wanted = wanted_of(setup)
    menu = read_menu(emulator.memory)
    changed = emulator.vi_count
    while not in_race(menu):
        if emulator.vi_count > MENU_VIS or emulator.vi_count - changed > IDLE_VIS:
            raise RomError(
                f"{emulator.rom.path.name} ({emulator.rom.name}) does not behave like Mario Kart 64: no race after "
                f"{emulator.vi_count} VIs, the last {emulator.vi_count - changed} of them without any change. Its "
                f"memory says {told(menu)}; wanted {told(wanted)}"
            )
        press = next_press(menu, wanted)
        if press:
            emulator.step(PRESS_VIS, press)
            emulator.step(PRESS_VIS)
        else:
            emulator.step(1)
        before, menu = menu, read_menu(emulator.memory)
        if menu != before:
            changed = emulator.vi_count


def in_race(menu: Menu) -> bool:
    """Return whether a race with a human player is in progress."""
    return menu.game_state == ram.RACING and menu.race_state == ram.UNDER_WAY and not menu.demo


def next_press(menu: Menu, wanted: Wanted) -> int:
    """Return the controller word that brings the game closer to the race; 0 to wait."""
    if menu.game_state == ram.RACING:
        return controller.START if menu.demo else 0
    if menu.game_state not in ram.MENUS:
        return 0
    if menu.menu in (ram.LOGO, ram.TITLE):
        return controller.START
    if menu.menu == ram.MAIN_MENU:
        return in_main_menu(menu, wanted)
    if menu.menu == ram.PLAYER_SELECT:
        return in_player_select(menu, wanted)
    if menu.menu == ram.COURSE_SELECT:
        return in_course_select(menu, wanted)
    return controller.B if menu.menu in (ram.OPTIONS, ram.DATA, ram.COURSE_DATA) else 0


def in_main_menu(menu: Menu, wanted: Wanted) -> int:
    """Choose the number of players, the mode and the engine class."""
    if menu.main_menu == ram.PLAYERS:
        return LEFT if menu.players > 1 else controller.A
    if menu.main_menu == ram.MODE:
        return toward(menu.mode, wanted.mode, UP, DOWN) or controller.A
    if menu.main_menu in (ram.OPTION, ram.OPTION_AGAIN):
        if menu.mode != wanted.mode:
            return controller.B
        return toward(menu.option, wanted.option, UP, DOWN) or controller.A
    if menu.main_menu in (ram.OK, ram.OK_AGAIN):
        right = (menu.players, menu.mode, menu.option) == (1, wanted.mode, wanted.option)
        return controller.A if right else controller.B
    return 0


def in_player_select(menu: Menu, wanted: Wanted) -> int:
    """Choose the driver: two rows of four."""
    row, column = divmod(menu.grid - 1, 4)
    to_row, to_column = divmod(wanted.grid - 1, 4)
    if menu.driver_menu == ram.DRIVER:
        return toward(row, to_row, UP, DOWN) or toward(column, to_column, LEFT, RIGHT) or controller.A
    if menu.driver_menu in (ram.DRIVER_OK, ram.DRIVER_OK_AGAIN):
        return controller.A if menu.grid == wanted.grid else controller.B
    return 0


def in_course_select(menu: Menu, wanted: Wanted) -> int:
    """Choose the cup, then the course: four cups side by side, four courses one below the other."""
    if menu.course_menu == ram.CUP:
        return toward(menu.cup, wanted.cup, LEFT, RIGHT) or controller.A
    if menu.course_menu == ram.COURSE and menu.cup == wanted.cup:
        return toward(menu.cup_course, wanted.cup_course, UP, DOWN) or controller.A
    if menu.course_menu == ram.COURSE_OK and (menu.cup, menu.cup_course) == (wanted.cup, wanted.cup_course):
        return controller.A
    return controller.B if menu.course_menu in (ram.COURSE, ram.COURSE_OK) else 0


def toward(here: int, there: int, less: int, more: int) -> int:
    """Return the direction to push; 0 at the target."""
    return 0 if here == there else less if here > there else more


def differences(menu: Menu, race: Race, wanted: Wanted) -> list[str]:
    """Return the values in memory that contradict the start of the wanted race, each as "found (expected)"."""
    speed = math.hypot(race.velocity[0], race.velocity[2])
    numbers = (*race.position, *race.velocity, race.speed, race.completion, race.timer)
    racing = ram.EXISTS | ram.HUMAN
    checks = (
        ("game state", menu.game_state, ram.RACING, menu.game_state == ram.RACING),
        ("race state", menu.race_state, ram.UNDER_WAY, menu.race_state == ram.UNDER_WAY),
        ("demo", menu.demo, 0, menu.demo == 0),
        ("mode", menu.mode, wanted.mode, menu.mode == wanted.mode),
        ("engine class", menu.engine, wanted.engine, menu.engine == wanted.engine),
        ("course", menu.course, wanted.course, menu.course == wanted.course),
        ("character", race.character, wanted.character, race.character == wanted.character),
        (
            "player 1's flags",
            f"{race.flags:#06x}",
            f"{racing:#06x}, a human who may drive",
            race.flags & (racing | ram.WAITING | ram.COMPUTER) == racing,
        ),
        ("karts", race.karts, "8 in a grand prix", race.karts == 8 or ram.MODES[wanted.mode] != "grand_prix"),
        ("lap", race.lap, "-1 or 0", race.lap in (-1, 0)),
        ("path points", race.path_points, "2 to 4000", 2 <= race.path_points <= 4000),
        (
            "position, velocity, speed, completion and time",
            numbers,
            "finite numbers below 32768",
            all(math.isfinite(number) and abs(number) < 32768 for number in numbers),
        ),
        ("completion", race.completion, "less than half a lap from the line", abs(race.completion) < 0.5),
        ("speed", race.speed, f"the velocity's {speed:.2f}", abs(race.speed - speed) <= 0.5 + speed / 4),
        ("time", race.timer, "0 to 1 s", 0 <= race.timer <= 1),
    )
    return [f"{what} {found} (expected {expected})" for what, found, expected, right in checks if not right]


def check_race(emulator: Emulator, setup: Mapping[str, Any], error: type[RomError] = RomError) -> None:
    """Raise `error` with a report unless memory shows the start of the race in `setup`."""
    menu, race = read_menu(emulator.memory), read_race(emulator.memory)
    wrong = differences(menu, race, wanted_of(setup))
    if wrong:
        raise error(
            f"{emulator.rom.path.name} ({emulator.rom.name}): its memory does not look like the start of a race in "
            f"Mario Kart 64 (US): {'; '.join(wrong)}. All that was found: {told(menu)}; {told(race)}"
        )


def told(values: Menu | Race | Wanted) -> str:
    """Return every field with its name."""
    return ", ".join(f"{name} {value}" for name, value in values._asdict().items())
