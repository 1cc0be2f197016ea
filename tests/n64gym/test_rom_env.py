"""n64gym/Rom-v0, and the behaviour that all environments share."""

import os
import signal

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import n64gym
from n64gym.machine.controller import BUTTON_ORDER, StickAndButtons


def make(path, **settings):
    return gymnasium.make("n64gym/Rom-v0", rom=path, **settings)


@pytest.mark.filterwarnings("ignore:silent.z64 did not switch on its video")
@pytest.mark.parametrize("name", ["silent", "blank", "pad"])
def test_any_rom_can_be_stepped(rom, name):
    with make(rom(name)) as env:
        env.reset(seed=1)
        for _ in range(10):
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
            assert (reward, terminated, truncated) == (0.0, False, False)
            assert observation.shape == (240, 320, 3)
        assert info["vis"] == 42  # ten steps of four VIs, and two VIs in reset


def test_the_environment_passes_check_env(rom):
    with make(rom("pad"), render_mode="rgb_array", obs_type="grayscale", size=(42, 42)) as env:
        check_env(env.unwrapped, skip_render_check=False)


def test_the_whole_controller_space_reaches_every_button():
    pad = StickAndButtons(BUTTON_ORDER)
    assert pad.space().nvec.tolist() == [161, 161] + [2] * 14
    assert pad.word([80, 80] + [0] * 14) == 0
    everything = pad.word([160, 0] + [1] * 14)
    assert everything & 0xC000 == 0  # the two reserved bits stay clear
    assert everything == 0xB0503FFF
    assert len({pad.word(one) for one in np.eye(16, dtype=int)}) == 2 + len(BUTTON_ORDER)


def test_noops_are_drawn_from_the_seed(rom):
    with make(rom("pad"), noop_max=30) as env:
        drawn = [env.reset(seed=seed)[1]["start_noops"] for seed in (1, 2, 3, 1, 2, 3)]
    assert drawn[:3] == drawn[3:]
    assert len(set(drawn)) > 1
    assert max(drawn) <= 30


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_emulator_truncates_is_counted_and_replaced(rom, stop):
    with make(rom("pad"), timeout=1.0) as env:
        first, _ = env.reset(seed=3)
        env.step(env.action_space.sample())
        os.kill(env.unwrapped.emulator.pid, stop)
        observation, _, terminated, truncated, info = env.step(env.action_space.sample())
        assert (terminated, truncated) == (False, True)
        assert observation.shape == first.shape
        assert info["emulator_restarts"] == 1
        again, info = env.reset(seed=3)
        assert (again == first).all()
        assert info["emulator_restarts"] == 1
        assert env.step(env.action_space.sample())[3] is False


def test_an_emulator_lost_between_episodes_is_replaced(rom):
    with make(rom("pad")) as env:
        first, _ = env.reset()
        os.kill(env.unwrapped.emulator.pid, signal.SIGKILL)
        again, info = env.reset()
        assert (again == first).all()
        assert info["emulator_restarts"] == 1


def test_begin_step_and_step_give_the_same_result(rom):
    actions = [StickAndButtons(BUTTON_ORDER).space().sample() for _ in range(20)]
    with make(rom("pad")) as one, make(rom("pad")) as other:
        one.reset()
        other.reset()
        for action in actions:
            other.unwrapped.begin_step(action)
            assert (one.step(action)[0] == other.step(action)[0]).all()
        other.unwrapped.begin_step(actions[0])
        other.reset()  # reset waits for the begun step and discards its result
        assert (one.reset()[0] == other.reset()[0]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"obs_type": "pixels"}, "obs_type is 'pixels'; expected"),
        ({"frameskip": 0}, "frameskip is 0; expected"),
        ({"size": (0, 84)}, "size is .0, 84.; expected"),
        ({"size": (84, 4000)}, "expected .height, width. up to"),
    ],
)
def test_wrong_settings_are_refused(rom, settings, message):
    with pytest.raises(ValueError, match=message):
        make(rom("pad"), **settings)


def test_grey_pictures_can_keep_the_axis_of_their_channel(rom):
    kept = {"obs_type": "grayscale", "size": (42, 42), "keep_dim": True}
    with make(rom("pad"), obs_type="grayscale", size=(42, 42)) as flat, make(rom("pad"), **kept) as env:
        observation, _ = env.reset(seed=1)
        assert observation.shape == env.observation_space.shape == (42, 42, 1)
        assert (observation[:, :, 0] == flat.reset(seed=1)[0]).all()
        check_env(env.unwrapped, skip_render_check=True)


def test_a_missing_rom_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs a ROM"):
        make("")
    with pytest.raises(n64gym.RomError, match="there is no file"):
        make(tmp_path / "mario.z64")


def test_ram_observations_are_rdram_in_the_consoles_byte_order(rom):
    with make(rom("pad"), obs_type="ram") as env:
        observation, _ = env.reset()
        assert observation.shape == (8 << 20,)
        assert observation[0x20A:0x20C].tolist() == [0, 0]
        assert observation[0x200:0x204].tolist() == [0xFF, 0x01, 0x04, 0x01]  # the ROM's joybus block
