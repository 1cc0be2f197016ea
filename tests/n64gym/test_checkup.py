"""The checks of a ROM: Mario Kart 64's double passes all but its hash, and ROMs with a fault are told."""

import pytest
from live import need

import n64gym
from n64gym import FindingState
from n64gym.checkup import rom as checkup


@pytest.fixture
def check(rom, monkeypatch):
    """check("kart64") returns the findings by name, and what they have led to. Speeds are measured only briefly."""
    monkeypatch.setattr(checkup, "SPEED_S", 0.1)
    monkeypatch.setattr(checkup, "MENUS_S", 3.0)
    monkeypatch.setattr(checkup, "BLACK_VIS", 60)

    def check(name):
        found = []
        checked = n64gym.check_rom(rom(name), found.append)
        return {finding.what: finding for finding in found}, checked

    return check


def test_mario_karts_double_passes_every_check_but_its_hash(check):
    need("Xvfb")
    found, checked = check("kart64-gpu")
    assert [what for what, finding in found.items() if finding.state is FindingState.FAIL] == ["SHA-1"]
    for what in ("menus", "memory", "acceleration", "clock", "controller", "steering", "repetition", "picture"):
        assert found[what].state is FindingState.OK, what
    for what in ("the picture is right", "laps, the finish and their times", "learning"):
        assert found[what].state is FindingState.UNPROVEN, what
    assert "warning" not in found  # the checks without a video plugin have no picture, which is no news
    assert checked.env_id == "n64gym/MarioKart64-v0"
    assert checked.env_args == {"check_rom": False}
    assert checked.speed.vis_per_s > 0


def test_a_rom_whose_memory_is_another_games_fails_with_the_values_found(check, rom):
    found, checked = check("kart64-cpu")
    assert checked.speed is None
    assert {what for what, one in found.items() if one.state is FindingState.FAIL} == {"SHA-1", "menus and memory"}
    assert "player 1's flags 0x9000 (expected 0xc000" in found["menus and memory"].found
    assert str(rom("kart64-cpu").parent) not in found["menus and memory"].found


def test_any_other_rom_is_run_without_a_reward(check):
    need("Xvfb")
    found, checked = check("blank")
    assert checked.env_id == ""
    assert "without a reward" in found["SHA-1"].do
    assert found["repetition"].state is FindingState.OK
    assert found["picture"].state is FindingState.FAIL  # the ROM shows nothing


def test_turns_to_the_left_and_right_have_opposite_signs():
    left = [(0, 0), (0, 1), (-1, 2), (-2, 2)]
    assert checkup._turn(left) == pytest.approx(3.14159 / 2, abs=1e-4)
    assert checkup._turn([(-x, y) for x, y in left]) == pytest.approx(-3.14159 / 2, abs=1e-4)
    assert checkup._turn([(5, 5)] * 4) == 0
