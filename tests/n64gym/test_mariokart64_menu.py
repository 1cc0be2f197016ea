"""Operates Mario Kart 64's menus on its double (tests/roms/kart64), and checks that the result is the wanted race."""

import math
import re
from pathlib import Path

import pytest

from n64gym.games import mariokart64_memory as memory
from n64gym.games import mariokart64_menu as menu
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import RomError

DOUBLE = Path(__file__).parents[1] / "roms" / "kart64"


def setup_of(course="luigi_raceway", character="mario", mode="time_trial", engine="100cc"):
    return {"course": course, "character": character, "mode": mode, "engine": engine}


def test_the_double_keeps_its_variables_where_the_environment_reads_them():
    placed = re.findall(r"^(\w+) = (0x\w+);", (DOUBLE / "symbols.ld").read_text(), re.MULTILINE)
    addresses = {name: int(address, 16) for name, address in placed}
    assert set(memory.SYMBOLS) <= set(addresses)
    assert {name: addresses[name] for name in memory.SYMBOLS} == memory.SYMBOLS


@pytest.mark.parametrize(("course", "character"), list(zip(memory.COURSES, memory.CHARACTERS * 2, strict=True)))
def test_every_course_and_character_is_reached_through_the_menus(rom, course, character):
    setup = setup_of(course, character)
    with Emulator(rom("kart64")) as emulator:
        menu.go_to_race(emulator, setup)
        menu.check_race(emulator, setup)
        race = memory.read_race(emulator.memory)
        assert memory.read_menu(emulator.memory).course == memory.COURSES[course]
        assert memory.CHARACTERS[race.character] == character
        assert (race.lap, race.karts, race.path_points) == (-1, 1, 300 + 17 * memory.COURSES[course])
        assert 0 < race.timer <= 2 / 60 + 1e-6  # the first game frame of the race


@pytest.mark.parametrize("engine", memory.CLASSES)
@pytest.mark.parametrize("course", list(memory.COURSES)[::4])
def test_every_grand_prix_is_reached_through_the_menus(rom, course, engine):
    setup = setup_of(course, "peach", "grand_prix", engine)
    with Emulator(rom("kart64")) as emulator:
        menu.go_to_race(emulator, setup)
        menu.check_race(emulator, setup)
        race = memory.read_race(emulator.memory)
        assert (race.karts, race.rank) == (8, 7)


def test_blind_presses_do_not_reach_a_race(rom):
    """Shows why the closed loop is needed: these are the same presses, but a press lost in a fade is not repeated."""
    presses = [controller.START, *[controller.A] * 3, menu.DOWN, *[controller.A] * 9]
    with Emulator(rom("kart64")) as emulator:
        emulator.step(120)
        for press in presses:
            emulator.step(menu.PRESS_VIS, press)
            emulator.step(menu.PRESS_VIS)
        emulator.step(600)
        assert memory.read_menu(emulator.memory).game_state in memory.MENUS


def test_a_demo_is_refused_as_a_race_and_left(rom):
    """Without input, the game starts a demo race. check_race must refuse it, and go_to_race must leave it."""
    with Emulator(rom("kart64")) as emulator:
        while (found := memory.read_menu(emulator.memory)).race_state != memory.UNDER_WAY:
            emulator.step(10)
        assert (found.demo, found.game_state) == (1, memory.RACING)
        with pytest.raises(RomError, match=r"demo 1 \(expected 0\)"):
            menu.check_race(emulator, setup_of("mario_raceway"))
        menu.go_to_race(emulator, setup_of("mario_raceway"))
        menu.check_race(emulator, setup_of("mario_raceway"))


def test_wrong_menu_choices_are_corrected(rom):
    """Make the choices of another race, with two players, on each screen up to its OK. go_to_race must correct them."""
    wrong = menu.wanted_of(setup_of("toads_turnpike", "wario", "grand_prix", "150cc"))
    right = setup_of("yoshi_valley", "toad")
    with Emulator(rom("kart64")) as emulator:

        def press(wanted, until):
            while not until(found := memory.read_menu(emulator.memory)):
                emulator.step(menu.PRESS_VIS, menu.next_press(found, wanted))
                emulator.step(menu.PRESS_VIS)

        press(wrong, lambda found: found.menu == memory.MAIN_MENU)
        emulator.step(60)
        emulator.step(menu.PRESS_VIS, menu.RIGHT)
        assert memory.read_menu(emulator.memory).players == 2
        press(wrong, lambda found: found.main_menu == memory.OK)
        press(menu.wanted_of(right), lambda found: found.menu == memory.PLAYER_SELECT)
        press(wrong, lambda found: found.driver_menu == memory.DRIVER_OK)
        press(menu.wanted_of(right), lambda found: found.menu == memory.COURSE_SELECT)
        press(wrong, lambda found: found.course_menu == memory.COURSE_OK)
        menu.go_to_race(emulator, right)
        menu.check_race(emulator, right)


def test_the_double_reads_the_controller_every_second_vi(rom):
    with Emulator(rom("kart64")) as emulator:
        emulator.step(100)
        reads = emulator.controller_reads
        emulator.step(100)
        assert emulator.controller_reads - reads == 50


@pytest.mark.parametrize("name", ["blank", "pad"])
def test_another_game_is_reported_with_what_was_found(rom, name):
    with Emulator(rom(name)) as emulator, pytest.raises(RomError, match=r"does not behave like Mario Kart 64.*menu 0"):
        menu.go_to_race(emulator, setup_of())


def test_a_race_without_a_human_is_reported_with_what_was_found(rom):
    setup = setup_of()
    with Emulator(rom("kart64-cpu")) as emulator:
        menu.go_to_race(emulator, setup)
        with pytest.raises(RomError, match=r"US\): player 1's flags 0x9000 \(expected 0xc000.*course 8, flags 36864"):
            menu.check_race(emulator, setup)


def test_a_grand_prix_must_begin_with_its_cups_first_course():
    with pytest.raises(ValueError, match="'moo_moo_farm' is number 2 of its cup: choose 'luigi_raceway', 'toads_turnp"):
        menu.wanted_of(setup_of("moo_moo_farm", mode="grand_prix"))


def test_menus_that_never_lead_to_a_race_time_out(rom, monkeypatch):
    """Without a press the game repeats the logo, the title and the demo for ever."""
    monkeypatch.setattr(menu, "next_press", lambda *_: 0)
    with (
        Emulator(rom("kart64")) as emulator,
        pytest.raises(RomError, match=r"no race after 5401 VIs, the last \d+ of "),
    ):
        menu.go_to_race(emulator, setup_of())


@pytest.mark.parametrize(
    ("found", "press"),
    [
        ({"game_state": 0xFFFF}, 0),  # right after power-on
        ({"game_state": memory.RACING, "race_state": 2}, 0),  # the countdown: pressing A now makes the kart spin out
        ({"game_state": memory.RACING, "demo": 1}, controller.START),
        ({"menu": memory.LOGO}, controller.START),
        ({"menu": memory.OPTIONS}, controller.B),
        ({"menu": memory.DATA}, controller.B),
        ({"menu": 9}, 0),  # the controller pak's menu
        ({"menu": memory.MAIN_MENU, "main_menu": memory.OK_AGAIN, "players": 1, "mode": 1}, controller.A),
        ({"menu": memory.MAIN_MENU, "main_menu": memory.OPTION_AGAIN, "mode": 1, "option": 1}, menu.UP),
        ({"menu": memory.PLAYER_SELECT, "driver_menu": memory.DRIVER, "grid": 3}, menu.DOWN),
        ({"menu": memory.PLAYER_SELECT, "driver_menu": memory.DRIVER_OK_AGAIN, "grid": 3}, controller.B),
        ({"menu": memory.COURSE_SELECT, "course_menu": memory.COURSE_OK, "cup": 1, "cup_course": 2}, controller.B),
    ],
)
def test_each_menu_state_has_its_next_press(found, press):
    wanted = menu.wanted_of(setup_of("choco_mountain", "bowser"))._replace(cup_course=3)
    assert menu.next_press(memory.Menu(*[0] * 15)._replace(**found), wanted) == press


@pytest.mark.parametrize(
    ("found", "report"),
    [
        ({"race_state": 2}, "race state 2 (expected 3)"),
        ({"demo": 1}, "demo 1 (expected 0)"),
        ({"mode": 0}, "mode 0 (expected 1)"),
        ({"course": 9}, "course 9 (expected 8)"),
        ({"flags": 0x6000}, "player 1's flags 0x6000 (expected 0xc000, a human who may drive)"),
        ({"flags": 0xE000}, "player 1's flags 0xe000 (expected 0xc000, a human who may drive)"),
        ({"character": 40000}, "character 40000 (expected 0)"),
        ({"lap": 3}, "lap 3 (expected -1 or 0)"),
        ({"path_points": 0}, "path points 0 (expected 2 to 4000)"),
        ({"completion": 2.5}, "completion 2.5 (expected less than half a lap from the line)"),
        ({"position": (math.nan, 0.0, 0.0)}, "position, velocity, speed, completion and time (nan, 0.0, 0.0, "),
        ({"position": (1e9, 0.0, 0.0)}, "position, velocity, speed, completion and time (1000000000.0, 0.0, "),
        ({"speed": 20.0}, "speed 20.0 (expected the velocity's 0.00)"),
        ({"timer": 12.5}, "time 12.5 (expected 0 to 1 s)"),
    ],
)
def test_values_that_cannot_be_a_start_are_reported(start, found, report):
    good_menu, good_race = start
    wanted = menu.wanted_of(setup_of())
    assert menu.differences(good_menu, good_race, wanted) == []
    bad_menu = good_menu._replace(**{name: value for name, value in found.items() if name in good_menu._fields})
    bad_race = good_race._replace(**{name: value for name, value in found.items() if name not in good_menu._fields})
    (difference,) = menu.differences(bad_menu, bad_race, wanted)
    assert difference.startswith(report)


@pytest.fixture(scope="module")
def start(rom):
    """The menu and race variables at the start of a time trial on Luigi Raceway."""
    with Emulator(rom("kart64")) as emulator:
        menu.go_to_race(emulator, setup_of())
        return memory.read_menu(emulator.memory), memory.read_race(emulator.memory)
