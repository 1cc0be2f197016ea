"""A signal handler may raise at any moment of an environment's methods; later calls must give correct results."""

import os
import random
import signal
import time

import gymnasium
import numpy as np
import psutil
import pytest
from driving import STRAIGHT

from n64gym import RecordMovie
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator, EmulatorError
from n64gym.machine.rom import OPEN_KART
from n64gym.movies.playback import Playback
from n64gym.vector import LockstepVectorEnv

ID = "n64gym/OpenKart-v0"


class Interrupted(BaseException):
    """The handler raises this, as Python's own handler raises KeyboardInterrupt."""


@pytest.fixture
def interrupted():
    """interrupted(seconds, call) runs `call`, lets a real signal handler raise after `seconds`, returns if it did."""

    def handler(*_):
        raise Interrupted

    def run(seconds, call):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                call()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            return True
        return False

    before = signal.signal(signal.SIGALRM, handler)
    yield run
    signal.signal(signal.SIGALRM, before)


def replay(emulator):
    """Return RDRAM after the same controller samples from power-on."""
    with Emulator(emulator.rom, movie=emulator.samples()) as other:
        other.step(emulator.vi_count - other.vi_count)
        return other.rdram.copy()


def test_steps_continue_correctly_after_interrupts(interrupted):
    """Observations and rewards belong to the step that returned them."""
    draw = random.Random(1)
    with gymnasium.make(ID, render_mode="rgb_array", stuck_limit=1000.0, time_limit=1000.0) as env:
        _, info = env.reset(seed=1)
        vis, hits = info["vis"], 0
        for step in range(1000):
            action = env.action_space.sample()
            hits += interrupted(draw.uniform(1e-6, 1.2e-3), lambda action=action: env.step(action))
            if step % 5 == 0:
                observation, _, _, _, info = env.step(STRAIGHT)
                assert (info["vis"] - vis) % 4 == 0, "an episode must consist of whole steps"
                np.testing.assert_array_equal(observation, env.render())
                way = info["progress"]
                _, reward, _, _, info = env.step(env.action_space.sample())
                assert reward == pytest.approx(100 * (info["progress"] - way))
        assert 100 < hits < 1000, "some interrupts must come during steps, and some after"
        env.step(STRAIGHT)  # complete the last step, which may have been interrupted
        assert info["emulator_restarts"] == 0
        emulator = env.unwrapped.emulator
        np.testing.assert_array_equal(watched(emulator.rdram), watched(replay(emulator)))
        first, info = env.reset(seed=1)
    with gymnasium.make(ID) as other:
        np.testing.assert_array_equal(first, other.reset(seed=1)[0])


def watched(rdram):
    """Return Open Kart's telemetry words before the picture count, which depends on how often pictures are read."""
    return rdram[0x102:0x115]


def test_a_reset_after_interrupted_resets_is_correct(interrupted, tmp_path):
    draw, hits = random.Random(2), 0
    with gymnasium.make(ID, laps=1, cache=tmp_path) as env, gymnasium.make(ID, laps=1) as other:
        expected, _ = other.reset(seed=3)
        after = other.step(STRAIGHT)[0]
        env.reset()
        for number in range(60):
            hit = interrupted(draw.uniform(1e-5, 2e-2), lambda: env.reset(seed=3))
            hits += hit
            if hit and number % 3 == 0:
                with pytest.raises(gymnasium.error.ResetNeeded, match="has not come to its end: call reset again"):
                    env.unwrapped.step(STRAIGHT)
            np.testing.assert_array_equal(env.reset(seed=3)[0], expected)
            np.testing.assert_array_equal(env.step(STRAIGHT)[0], after)
    assert hits > 15


def test_a_vector_continues_after_interrupts(interrupted):
    """At the interrupt some environments have finished the step, some have begun it and some have not."""
    draw, hits = random.Random(4), 0
    envs = LockstepVectorEnv([lambda: gymnasium.make(ID, size=(60, 80), time_limit=1000.0, stuck_limit=1000.0)] * 3)
    envs.reset(seed=1)
    for step in range(400):
        hits += interrupted(draw.uniform(1e-6, 2.5e-3), lambda: envs.step(envs.action_space.sample()))
        if step % 4 == 0:
            observations, *_ = envs.step(envs.action_space.sample())
            for env, observation in zip(envs.envs, observations, strict=True):
                np.testing.assert_array_equal(observation, env.unwrapped.emulator.observation)
                assert (env.unwrapped.emulator.vi_count - env.unwrapped._start_vi - 2) % 4 == 0
    envs.close()
    assert hits > 50


@pytest.mark.parametrize("game", ["pad", "openkart"])
def test_an_emulator_is_consistent_after_interrupts_in_any_method(interrupted, rom, game):
    """Every sample that the game has read is recorded: playing them from power-on gives the same RDRAM."""
    draw, hits, states = random.Random(3), 0, []
    with Emulator(OPEN_KART if game == "openkart" else rom(game)) as emulator:
        emulator.step(120)
        states.append(emulator.save_state())
        methods = [
            lambda: emulator.step(draw.randrange(1, 6), controller.word(controller.A, x=draw.randrange(-80, 80))),
            lambda: emulator.step_async(draw.randrange(1, 6), controller.word(controller.B)),
            emulator.step_wait,
            emulator.frame,
            lambda: emulator.load_state(draw.choice(states)),
            lambda: states.append(emulator.save_state()),
        ]
        for number in range(160):
            method = draw.choices(methods, [6, 3, 3, 2, 2, 1])[0]
            slow = method in methods[4:]
            hits += interrupted(draw.uniform(1e-6, 4e-2 if slow else 1e-3), method)
            if number % 40 == 39:
                emulator.step(1)
                vis = emulator.vi_count
                emulator.step(3)
                assert emulator.vi_count == vis + 3
                assert (replay(emulator) == emulator.rdram).all()
        assert hits > 20
        for state in states[:5]:
            emulator.load_state(state)
            assert (emulator.samples() == state.samples).all()
            assert emulator.vi_count == state.vi_count


def test_an_interrupted_start_leaves_no_process(interrupted, rom):
    draw, hits = random.Random(6), 0
    before = set(psutil.Process().children())
    for _ in range(15):
        hits += interrupted(draw.uniform(1e-3, 0.3), lambda: Emulator(rom("pad")).close())
    end = time.monotonic() + 5
    while set(psutil.Process().children()) - before and time.monotonic() < end:
        time.sleep(0.05)
    left = set(psutil.Process().children()) - before
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    assert hits > 3


def test_a_movie_of_an_interrupted_episode_is_not_written_and_the_next_is(interrupted, tmp_path):
    with RecordMovie(gymnasium.make(ID), tmp_path) as env:
        env.reset()
        while not interrupted(2e-4, lambda: env.step(STRAIGHT)):
            pass
        for _ in range(5):
            env.step(STRAIGHT)
        env.reset()
        assert not list(tmp_path.glob("*.m64"))
        for _ in range(5):
            env.step(STRAIGHT)
    (movie,) = tmp_path.glob("*.m64")
    playback = Playback(movie)
    playback.advance(10_000)
    assert playback.over
    assert not playback.diverged
    playback.close()


def test_an_emulator_that_died_after_an_interrupted_step_is_reported(interrupted, rom):
    emulator = Emulator(rom("pad"))
    assert interrupted(0.05, lambda: emulator.step(10_000_000))
    os.kill(emulator.pid, signal.SIGKILL)
    with pytest.raises(EmulatorError, match="has died"):
        emulator.step()
