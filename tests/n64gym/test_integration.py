"""A game folder made with the functions of `a3c64 integrate`, in the real emulator."""

import os
import re
import signal
from types import SimpleNamespace

import pygame
import pytest

from n64gym.game_folder.model import Hold
from n64gym.game_folder.reader import read_game
from n64gym.game_folder.table import GameError
from n64gym.games.game_env import make_game
from n64gym.games.openkart_driver import Driver
from n64gym.games.openkart_menu import go_to_race
from n64gym.games.openkart_telemetry import FIXED, read_telemetry
from n64gym.integration import pad
from n64gym.integration.commands import SessionCommands
from n64gym.integration.draft import Draft
from n64gym.integration.session import Session
from n64gym.integration.window import TEXT, WRONG, SessionWindow
from n64gym.machine import controller
from n64gym.machine.controller import DRIVING
from n64gym.machine.emulator import EmulatorError
from n64gym.machine.rom import OPEN_KART

SETUP = {"mode": "time_trial", "course": "meadow", "laps": 3, "start": 0.9, "mirror": False}


def driven(session, laps):
    """Drive until the screen shows this number of laps done."""
    kart = SimpleNamespace(emulator=session.emulator, frameskip=4)
    kart.unwrapped = kart
    driver = Driver(kart)
    for _ in range(2000):
        if read_telemetry(session.emulator.rdram).laps_done == laps:
            return
        session.step(4, DRIVING[driver()].word)
    pytest.fail("the race has not come to this point")


def test_open_karts_laps_and_progress_are_found_by_driving(tmp_path):
    gas, reverse = controller.word(controller.A), controller.word(controller.B, y=-80)
    with Session(OPEN_KART) as session:
        go_to_race(session.emulator, SETUP)
        session.mark_start()
        laps = session.search("u32").equal(0)
        for lap in (1, 2):
            driven(session, lap)
            laps.equal(lap)
        session.load("start")
        progress = session.search("s32")
        for word, fits in ((gas, progress.greater), (reverse, progress.less)) * 6:
            session.step(80, word)  # until the kart goes this way
            progress.between(-FIXED, 3 * FIXED)  # the next filter compares with this moment
            session.step(20, word)
            fits()
        session.load("start")
        assert 0x80000418 in laps.addresses()
        assert 0x80000420 in progress.addresses()
        assert len(laps) < 20, "few are left to try"
        assert len(progress) < 20, "few are left to try"

        session.name("laps", laps.addresses()[0], "u32")
        session.name("progress", progress.addresses()[1], "s32")
        session.reward("laps", f"100 * delta(progress) / {FIXED}")
        session.done("finished", "laps == 3")
        session.action("straight", ["A"])
        session.action("left", ["A"], (-40, 0))
        session.mark_start()
        session.step(200, gas)
        assert session.trial is not None
        tried = session.trial.total
        assert tried == pytest.approx(100 * (session.values()["progress"] / FIXED - 0.9), abs=0.1)
        assert tried > 1
        session.write(tmp_path / "kart")

    with make_game(tmp_path / "kart", obs_type="grayscale", size=(42, 42)) as env:
        env.reset(seed=1)
        total = 0.0
        for _ in range(50):
            _, reward, terminated, truncated, info = env.step(0)
            total += reward
            telemetry = read_telemetry(env.unwrapped.emulator.rdram)
            assert (info["laps"], info["progress"]) == (telemetry.laps_done, telemetry.race_progress)
            assert not terminated
            assert not truncated
    assert total == pytest.approx(tried, abs=0.3), "the agent gets the reward that was tried"


@pytest.fixture(scope="module")
def played(rom):
    with Session(rom("catch")) as session:
        yield session


@pytest.fixture
def catch(played):
    """A session with tests/roms/kinds/catch.c, of which nothing is known yet."""
    played.draft = Draft()
    return played


def run(commands, *lines):
    return [commands.run(line) for line in lines]


BEGIN = ("reset", "hold 30", "hold 2 START", "hold 10")


def test_commands_make_a_game_folder(catch, rom, tmp_path):
    commands = SessionCommands(catch, tmp_path / "catch")
    run(commands, *BEGIN, "search u16", "hold 60 left", "greater", "hold 5", "unchanged", "name score #1")
    run(commands, "search u16", "hold 1", "by -1", "hold 7", "by -7")
    assert re.fullmatch(r"#1 8000200\w 523 -> 516", commands.run("list"))
    assert commands.run("name left #1") == "score 1, left 516"
    run(
        commands,
        "reward catch delta(score)",
        "done over left == 0",
        "action none",
        "action left left",
        "action right x=80",
    )
    run(commands, *BEGIN, "start", "hold 100 left")
    assert catch.trial.total == 1.0
    assert not catch.trial.ends
    assert catch.trial.totals == {"catch": 1.0}
    run(commands, "hold 500")
    assert catch.trial.ends == ["over"]
    shown = commands.run("show").splitlines()
    assert "reward catch: delta(score)" in shown
    assert "action right: x=80" in shown
    assert "not written yet" in commands.run("quit")
    commands.run("write")
    assert not commands.is_over
    commands.run("quit")
    assert commands.is_over

    with make_game(tmp_path / "catch", rom("catch"), obs_type="rgb") as env:
        assert env.unwrapped.get_action_meanings() == ["none", "left", "right"]
        observation, info = env.reset(seed=1)
        steps, total, terminated = 0, 0.0, False
        while not terminated:
            observation, reward, terminated, _, info = env.step([1, 2][steps // 30 % 2])
            steps, total = steps + 1, total + reward
            bar = (observation[24] == (255, 255, 0)).all(1).sum()
            assert info["score"] == total == min(40, bar / 8), "the score is that of the game's own bar"
        assert total > 3
        assert abs(steps - 147) <= 2  # 600 VIs, less those before the start
        assert info["ended"] == "over"


def test_a_written_folder_can_be_changed(catch, rom, tmp_path):
    commands = SessionCommands(catch, tmp_path / "one")
    run(commands, *BEGIN, "name score 80002006 u16", "reward a score", "action none", "start", "write")
    file = tmp_path / "one" / "game.toml"
    by_hand = file.read_text().replace("frameskip = 4", "frameskip = 6") + '\n[values]\ndouble = "2 * score"\n'
    file.write_text(by_hand)
    with Session.of_folder(rom("catch"), tmp_path / "one") as session:
        run(SessionCommands(session, tmp_path / "one"), "limit 20", "reward b delta(double)", "forget a", "write")
    game = read_game(tmp_path / "one")
    assert (game.frameskip, game.time_limit, dict(game.values)) == (6, 20.0, {"double": "2 * score"})
    assert dict(game.reward) == {"b": "delta(double)"}
    with make_game(tmp_path / "one", rom("catch")) as env:
        assert env.reset()[1]["double"] == 0
    with pytest.raises(GameError, match=r"describes A3C64 catch, a ROM with SHA-1 .*; found pad\.z64"):
        Session.of_folder(rom("pad"), tmp_path / "one")


def test_after_a_write_to_memory_a_start_is_a_savestate(catch, rom, tmp_path):
    """A movie of the controller would not lead there."""
    commands = SessionCommands(catch, tmp_path / "put")
    run(commands, *BEGIN, "name score 80002006 u16", "put score 7", "reward a score", "action none", "start", "write")
    assert read_game(tmp_path / "put").starts["start"].state == "start.state"
    with make_game(tmp_path / "put", rom("catch")) as env:
        assert env.reset()[1]["score"] == 7
    commands.run("reset")
    assert commands.run("hold 60") == "score 0"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("serach u8", "unknown command 'serach' (maybe you meant 'search'?)"),
        ("search", "expected search TYPE [1|2|4]"),
        ("search u64", "type is 'u64'; expected u8, s8"),
        ("search u8 3", "align is 3; expected 1, 2 or 4"),
        ("equal three", "found 'three', expected a number such as 12"),
        ("greater 3", "expected greater"),
        ("hold 0", "hold: found 0, expected 1 to 36000"),
        ("hold 1.5", "found '1.5', expected a whole number"),
        ("hold 5 jump", "'jump' is not on the controller; expected A, B,"),
        ("hold 5 x=90", "'x=90' is not on the controller"),
        ("load lost", "there is no savestate 'lost'; expected"),
        ("name a #99", "#99 is not listed; expected one of the 12"),
        ("name a 80000100", "expected name NAME ADDRESS TYPE"),
        ("name a 8g u8", "found '8g', expected an address such as"),
        ("name a 80800000 u8", "address is 80800000; expected 80000000 to 807FFFFF"),
        ("name a 80000101 u16", "expected 80000000 to 807FFFFF, a multiple of 2"),
        ("name a-b 80000100 u8", "found 'a-b', expected a name"),
        ("put lost 3", "'lost' is not a variable at a fixed address"),
        ("reward r nothing + 1", "r: found the name 'nothing'"),
        ("reward r __import__('os')", "r: found"),
        ("done d 1 +", "d: found '1 +', expected an expression"),
        ("limit 0", "limit: found 0, expected 0.1 to"),
        ("forget lost", "nothing has the name 'lost'; expected"),
        ("write", "the game has no reward yet; expected the command: reward NAME EXPRESSION"),
    ],
)
def test_a_wrong_command_changes_nothing_and_says_what_is_expected(rom, tmp_path, catch, line, message):
    commands = SessionCommands(catch, tmp_path / "game")
    run(commands, *BEGIN, "search u8", "equal 255", "action none", "start")
    before = commands.run("show"), catch.emulator.vi_count, len(commands.search)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        commands.run(line)
    assert "\n" not in str(raised.value)
    assert before == (commands.run("show"), catch.emulator.vi_count, len(commands.search))
    assert not (tmp_path / "game").exists()


def test_a_variable_that_an_expression_needs_is_kept(catch, tmp_path):
    commands = SessionCommands(catch, tmp_path)
    run(commands, "name score 80002006 u16", "reward r score")
    with pytest.raises(ValueError, match="r: found the name 'score'"):
        commands.run("forget score")
    run(commands, "forget r", "forget score")
    assert "variable" not in commands.run("show")


def test_a_dead_emulator_is_one_line_and_is_started_again(rom, tmp_path):
    with Session(rom("catch")) as session:
        commands = SessionCommands(session, tmp_path)
        run(commands, "hold 20", "save")
        saved = session.emulator.vi_count
        os.kill(session.emulator.pid, signal.SIGKILL)
        with pytest.raises(EmulatorError, match="has died"):
            commands.run("hold 5")
        with pytest.raises(EmulatorError, match="load a savestate"):
            commands.run("search u8")
        run(commands, "load", "hold 5")
        assert session.emulator.vi_count == saved + 5


def test_every_direction_and_button_is_written_and_held():
    assert pad.parse(["a", "Start", "left", "up"]) == Hold(("A", "START"), (-80, 80))
    assert pad.parse(["left", "right", "y=-3"]) == Hold((), (0, -3))
    assert pad.held({"left", "x", "left shift", "f1"}) == Hold(("A",), (-40, 0))
    assert pad.parse(pad.text_of(Hold(("B", "Z"), (5, -80))).split()) == Hold(("B", "Z"), (5, -80))


def test_keys_pause_step_save_and_load(catch, tmp_path, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    pygame.font.init()
    window = SessionWindow(pygame, SessionCommands(catch, tmp_path))

    def press(*keys):
        for key in keys:
            for kind in (pygame.KEYDOWN, pygame.KEYUP):
                window.handle(pygame.event.Event(kind, key=key))

    def type_line(text):
        press(pygame.K_TAB)
        window.handle(pygame.event.Event(pygame.TEXTINPUT, text=text))
        press(pygame.K_RETURN, pygame.K_TAB)

    def vis_of(turns):
        """Return the VIs that pass in some turns of the window's loop."""
        left = iter([False] * turns)
        before = catch.emulator.vi_count
        window.run(lambda: next(left, True))
        return catch.emulator.vi_count - before

    try:
        assert vis_of(3) == 6
        press(pygame.K_SPACE)
        assert vis_of(3) == 0
        saved = catch.emulator.vi_count
        press(pygame.K_F5, pygame.K_PERIOD, pygame.K_PERIOD)
        assert catch.emulator.vi_count == saved + 2 * catch.frameskip
        press(pygame.K_F8)
        assert catch.emulator.vi_count == saved
        type_line("name score 80002006 u16")
        type_line("serach u8")
        assert list(catch.draft.variables) == ["score"]
        assert vis_of(2) == 0
        press(pygame.K_SPACE)
        assert vis_of(2) == 4
        screen = pygame.surfarray.array3d(pygame.display.get_surface())  # [width, height, 3]
        assert (screen[8:200, 505:525] == TEXT).all(-1).any(), "the variable and its value are shown"
        assert (screen[650:] == WRONG).all(-1).any(), "the error is shown"
        type_line("quit")
        type_line("quit")
        assert vis_of(5) == 0, "the window is over"
    finally:
        pygame.display.quit()


def test_a_game_of_the_gpu_says_what_is_missing(rom, tmp_path):
    with Session(rom("gpu")) as session, pytest.warns(UserWarning, match="draws with the GPU"):
        session.step(60)
