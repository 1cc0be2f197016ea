"""The policy for every course: its teacher, and what it learns from it."""

import json

import numpy as np
import pytest

from a3c64.envs.making import make_one
from a3c64.policy import policy_file
from a3c64.policy.episodes import play
from n64gym.games.openkart_driver import Driver
from n64gym.machine.controller import DRIVING

STRAIGHT, RIGHT = [
    next(n for n, one in enumerate(DRIVING) if one.name == name) for name in ("straight", "extreme right")
]


@pytest.mark.parametrize("course", ["meadow", "desert", "harbour", "mountain"])
def test_the_bundled_policy_drives_each_course_and_its_mirror_image(course):
    policy = policy_file.bundled("n64gym/OpenKart-v0")
    arguments = {"course": course, "mirror": [False, True], "laps": 1, "noop_max": 30}
    hyperparameters = policy.hyperparameters.model_copy(
        update={"env_args": json.dumps(arguments), "envs_per_worker": 4, "seed": 3}
    )
    races = play(hyperparameters, policy.weights, 4)
    assert len(races) == 4
    assert all(race.metrics["finished"] for race in races)


def test_the_driver_plans_a_new_line_when_only_the_mirror_changes():
    env = make_one(policy_file.bundled("n64gym/OpenKart-v0").hyperparameters, "")
    try:
        driver = Driver(env)
        env.reset(options={"course": "meadow", "mirror": False})
        driver()
        before = driver._line.points.copy()
        env.reset(options={"course": "meadow", "mirror": True})
        driver()
        assert not np.allclose(before, driver._line.points)
    finally:
        env.close()


def test_a_driver_that_watches_follows_the_wheels_of_whoever_drives():
    env = make_one(policy_file.bundled("n64gym/OpenKart-v0").hyperparameters, "")
    try:
        driver = Driver(env)
        env.reset(options={"course": "meadow"})
        for _ in range(5):
            env.step(STRAIGHT)
        driver.choose()
        driver.turn(RIGHT)
        turned = driver._wheels
        driver.choose()
        assert driver._wheels == turned > 0, "to choose an action is not to take it"
    finally:
        env.close()


def test_dagger_teaches_a_policy_to_agree_with_the_driver():
    import dagger
    from many_workers import OPEN_KART, hyperparameters_of

    from a3c64.policy.checkpoint import first

    races = {"course": ["meadow"], "laps": 1, "noop_max": 30}
    settings = {"env_args": json.dumps(races), "seed": 1, "envs_per_worker": 4, "t_max": 64}
    hyperparameters = hyperparameters_of(OPEN_KART, settings)
    network = dagger.network_of(hyperparameters)
    weights = first(network.specs, 1, hyperparameters.model_dump()).weights
    told: list[tuple[int, dict[str, float]]] = []
    dagger.teach(hyperparameters, weights, 15_360, lambda step, figures: told.append((step, figures)))
    assert [step for step, _ in told] == [7_680, 15_360]
    assert np.isfinite(weights).all()
    chance = np.log(len(DRIVING))  # nats, of a policy that knows nothing
    assert told[1][1]["loss"] < told[0][1]["loss"] < chance
    assert told[1][1]["loss"] < 0.75 * chance
