"""`a3c64 integrate`: a game is played and described with keys in the real window, and then learned."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from live import free_port, need, until
from PIL import ImageGrab
from x_keys import Keyboard

from a3c64.worker.display.x_server import XServer
from n64gym import read_game

A3C64 = Path(sys.executable).with_name("a3c64")
BEGIN = ("reset", "hold 30", "hold 2 START", "hold 10", "start")
LINES = (  # nothing here is an address: each variable is found by what it does
    *BEGIN,
    *("search u16", "hold 60 left", "greater", "hold 5", "unchanged", "name score #1"),
    *("search u16", "hold 1", "by -1", "hold 7", "by -7", "name time_left #1"),
    *("search s16", "hold 5 right", "by 20", "hold 3 left", "by -12", "name dot #1"),
    *("load start", "search s16", "hold 60 left", "changed", "between 2 304", "hold 5 right", "unchanged"),
    "name stripe #1",
    "reward catch delta(score)",
    "reward near -delta(abs(dot - stripe)) / 100 if score == prev.score else 0",
    "done over time_left == 0",
    *("action none", "action left left", "action right right"),
    *("load start", "hold 100 left", "write", "quit"),
)
GREY, BLUE, YELLOW = (66, 66, 66), (0, 0, 66), (255, 255, 0)  # of catch.c's title, its play and its score
SLACK_S = 120  # for a loaded machine


@pytest.fixture(scope="module")
def screen():
    need("Xvfb")
    server = XServer(1280, 720)
    variables = {
        "DISPLAY": f":{server.number}",
        "XAUTHORITY": f"/proc/{os.getpid()}/fd/{server.authority}",
        "SDL_VIDEODRIVER": "x11",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield
    server.close()


def shows(colour):
    """Return whether the screen shows much of a colour, within what 16 bits a pixel round."""
    picture = np.asarray(ImageGrab.grab(xdisplay=os.environ["DISPLAY"])).astype(int)
    return (np.abs(picture - colour).max(-1) <= 8).sum() >= 100


@pytest.fixture(scope="module")
def described(rom, screen, tmp_path_factory):
    """Play and describe the game with keys alone; return its folder."""
    folder = tmp_path_factory.mktemp("games") / "catch"
    program = [A3C64, "integrate", rom("catch"), "--game", folder]
    window = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    keyboard = Keyboard()
    try:
        until(lambda: shows(GREY), SLACK_S, "the title")
        keyboard.down("Left")  # first, because the game ends after ten seconds
        keyboard.down("Return")
        until(lambda: shows(YELLOW), SLACK_S, "a score")  # a person has scored
        keyboard.up("Left")
        keyboard.up("Return")
        keyboard.type("\t" + "\n".join(LINES) + "\n")
        output, errors = window.communicate(timeout=SLACK_S)
    finally:
        window.kill()
        window.wait()
        keyboard.close()
    assert (window.returncode, output, errors) == (0, "", "")
    return folder


def test_keys_in_the_window_make_a_game_folder(described):
    game = read_game(described)
    assert list(game.variables) == ["score", "time_left", "dot", "stripe"]
    assert [action.name for action in game.actions.list] == ["none", "left", "right"]
    assert sorted(path.name for path in described.iterdir()) == ["game.toml", "start.m64"]


@pytest.mark.timeout(900)
def test_the_described_game_is_learned_to_twice_the_random_return(described, rom, tmp_path):
    """12,000 steps with one seed, on one worker, so that the run repeats: 3.29 against 1.10 when written."""
    run, own_rom = tmp_path / "run", ("--rom", rom("catch"))
    quiet = (
        "--web-port",
        "0",
        "--tensorboard-port",
        "0",
        "--vnc-port",
        "0",
        "--bind",
        f"tcp://127.0.0.1:{free_port()}",
    )
    train = ("train", "--game", described, *own_rom, "--run-dir", run, "--workers", "1", "--seed", "1", *quiet)
    steps = ("--deterministic", "--eval-interval", "0", "--total-timesteps", "12000")
    subprocess.run([A3C64, *train, *steps], check=True, capture_output=True, timeout=280)
    means = []
    for how in (("--episodes", "10"), ("--episodes", "30", "--random")):
        played = [A3C64, "eval", "--run-dir", run, *own_rom, *how]
        means.append(json.loads(subprocess.check_output(played, timeout=200))["mean_return"])
    learned, random = means
    assert learned >= 2 * random > 0
