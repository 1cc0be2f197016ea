"""The search for fast races with the agent's own actions."""

import gymnasium
import numpy as np
from bench_learn_experiments import OPEN_KART
from search_laps import SMALL, Driven, HostRacer, host_env, record, search

from n64gym.games.openkart_driver import Driver
from n64gym.machine.controller import word

RACE = {"laps": 1, "noop_max": 30}
SEED = 1


def race(game=host_env.ENV_ID):
    env = gymnasium.make(game, **SMALL, **RACE).unwrapped
    env.reset(seed=SEED)
    return env


def test_a_plan_is_driven_like_the_actions_that_it_is_rounded_to():
    env = race()
    racer = HostRacer(env)
    start = racer.to_start()
    plan = np.array([word(0x80, int(x), 0) for x in np.random.default_rng(1).integers(-80, 81, 200)], np.uint32)
    middle = racer.advance(start, plan, 90)  # in the middle of a step
    end = racer.advance(middle, plan[90:], 110)
    env.reset(seed=SEED)
    for actual in end.state.samples[:: env.frameskip]:
        env.step(racer.words.index(int(actual)))
    assert env.read_race(env.emulator) == end.status
    assert end.status.progress > 0
    racer.close()


def test_a_race_that_was_found_is_the_same_race_on_the_emulator(tmp_path):
    env = race(OPEN_KART)
    driver, actions, over = Driver(env), [], False
    while not over:
        actions.append(driver())
        *_, over, _, info = env.step(actions[-1])
    env.close()
    best, found = search(Driven(SEED, actions), "race", 2_000, 1, RACE)
    assert best.status.race_time < info["race_time"]
    assert record(tmp_path, Driven(SEED, found), found, RACE) == best.status.lap_times
    assert len(list(tmp_path.glob("*.m64"))) == 1
