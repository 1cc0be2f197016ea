"""game.toml: what is read is written again, and what is wrong is refused in one line."""

import tomllib
from pathlib import Path

import pytest

import n64gym
from n64gym.game_folder.reader import parse
from n64gym.game_folder.table import GameError
from n64gym.game_folder.writer import text_of

OPEN_KART = Path(n64gym.__file__).parent / "game_folder" / "openkart" / "game.toml"
SMALL = """
format = 1
name = "A game"
[rom]
sha1 = "openkart"
[variables]
speed = { address = 0x80000424, type = "s32" }
[actions]
list = [{}, { buttons = ["A"] }]
"""


def test_a_game_is_written_as_it_was_read():
    game = parse(OPEN_KART.read_bytes())
    assert parse(text_of(game).encode()) == game
    tomllib.loads(text_of(game))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("format = 1", "format = 2", "game.toml: format: found 2, expected an integer from 1 to 1"),
        ('"s32"', '"s23"', "variables.speed.type: found 's23' (maybe you meant 's32'?), expected 'u8', "),
        ("0x80000424", "0x80000425", "variables.speed.address: found 0x80000425, expected a multiple of 4"),
        ("0x80000424", "0x90000424", "variables.speed.address: found 0x90000424, expected an address such as "),
        ("address", "adress", "variables.speed.address: found nothing, expected a value"),
        ("speed =", "delta =", "variables: found 'delta', which has a meaning already; expected another name"),
        ('["A"]', '["AA"]', "actions.list[1].buttons: found 'AA' (maybe you meant 'A'?), expected different names"),
        ("list", "lists = []\nlist", "actions: found the unknown key 'lists' (maybe you meant 'list'?)"),
        ("[actions]", '[reward]\nx = "sped"\n[actions]', "reward.x: found the name 'sped' (maybe you meant 'speed'?)"),
        ("[actions]", '[reward]\nx = "speed +"\n[actions]', "reward.x: found 'speed +', expected an expression"),
        ("[actions]", '[values]\na = "b"\nb = "1"\n[actions]', "values.a: found the name 'b'"),
        ("[actions]", '[starts.x]\nstate = "../x"\n[actions]', "starts.x.state: found '../x', expected the name of"),
        ("[actions]", "[", "game.toml is not TOML: "),
    ],
)
def test_an_error_says_where_it_is_and_what_was_expected(old, new, error):
    parse(SMALL.encode())
    with pytest.raises(GameError) as caught:
        parse(SMALL.replace(old, new, 1).encode())
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(GameError, match=r"there is no file .*game.toml; expected a game folder"):
        n64gym.read_game(tmp_path / "nothing")
