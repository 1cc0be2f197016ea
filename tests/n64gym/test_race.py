"""Open Kart's settings: courses, modes, levels, start positions, laps, actions, rewards; and vector environments."""

import gymnasium
import numpy as np
import pytest
from driving import BRAKE, STRAIGHT
from gymnasium.utils.env_checker import check_env

from n64gym.games.openkart_driver import Driver
from n64gym.games.openkart_telemetry import COURSES, LEVELS, read_telemetry
from n64gym.machine.controller import DRIVING, stick_of


def make(**settings):
    return gymnasium.make("n64gym/OpenKart-v0", **settings)


@pytest.fixture(scope="module")
def env():
    with make(obs_type="grayscale", size=(42, 42)) as env:
        yield env


def race(env, **options):
    """Drive a race to its end; return the infos of reset and of the last step."""
    _, info = first = env.reset(options=options)
    driver, over = Driver(env), False
    while not over:
        *_, terminated, truncated, info = env.step(driver())
        over = terminated or truncated
    return first[1], info


@pytest.mark.parametrize("course", COURSES)
def test_every_course_can_be_chosen_and_driven(env, course):
    first, last = race(env, course=course, course_seed=5, laps=1)
    assert (first["course"], first["laps"], first["karts"], first["place"]) == (course, 1, 1, 1)
    assert first["setup"]["course"] == course
    assert last["finished"], f"stuck after {last['progress']:.2f} laps"
    assert (last["lap"], len(last["lap_times"])) == (1, 1)


def test_courses_look_different(env):
    pictures = {env.reset(options={"course": course, "course_seed": 5})[0].tobytes() for course in COURSES}
    assert len(pictures) == len(COURSES)
    seeds = [env.reset(options={"course": "generated", "course_seed": seed})[0].tobytes() for seed in range(3)]
    assert len(set(seeds)) == 3


def test_a_grand_prix_has_places_and_levels(env):
    finishing = {}
    for level in LEVELS:
        first, last = race(env, mode="grand_prix", level=level, laps=1)
        assert first["karts"] > 1
        assert 1 <= last["place"] <= last["karts"]
        assert last["finished"]
        assert last["metrics"]["place"] == last["place"]
        finishing[level] = last["place"], last["race_time"]
    assert finishing["easy"][0] <= finishing["hard"][0]
    assert finishing["easy"][0] < first["karts"]  # the driver beats some rivals of the easy level


def test_live_figures_show_laps_and_places(env):
    info = {"lap": 1, "laps": 3, "race_time": 60.04, "lap_times": (37.283,), "karts": 1, "place": 1}
    assert env.unwrapped.live_figures(info) == [
        ("lap", "2/3"), ("race", "60.0 s"), ("lap 1", "37.28 s"), ("lap 2", "-"), ("lap 3", "-")
    ]  # fmt: skip
    assert env.unwrapped.live_figures(info | {"karts": 8, "place": 4, "lap": 3})[0] == ("lap, place", "3/3, 4")
    assert env.unwrapped.live_figures({"emulator_error": "gone"}) == []


def test_a_start_in_mid_lap_makes_a_shorter_race(env):
    first, last = race(env, start=0.4, laps=1)
    assert first["progress"] == pytest.approx(0.4, abs=0.01)
    assert (last["finished"], last["lap"]) == (True, 1)
    assert last["race_time"] < 30
    assert "best_lap_s" not in last["metrics"]  # the driver did not drive a whole lap
    assert last["metrics"]["reward_progress"] == pytest.approx(100 * (last["progress"] - first["progress"]))


def test_settings_given_as_lists_are_drawn_from_the_seed():
    with make(start=[0.0, 0.25, 0.5, 0.75], course=["meadow", "desert"]) as env:
        drawn = [env.reset(seed=seed)[1]["setup"] for seed in range(6)]
        again = [env.reset(seed=seed)[1]["setup"] for seed in range(6)]
        assert drawn == again
        assert len({setup["start"] for setup in drawn}) > 1
        assert {setup["course"] for setup in drawn} == {"meadow", "desert"}
        assert env.reset(options={"start": 0.5})[1]["progress"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"course": "meado"}, "course is 'meado' \\(maybe you meant 'meadow'\\?\\)"),
        ({"laps": 4}, "laps is 4; expected a number from 1 to 3"),
        ({"level": "impossible"}, "level is 'impossible'"),
        ({"reward": "win"}, "reward is 'win'"),
        ({"actions": "analog"}, "actions is 'analog'"),
        ({"crop": (0, 0, 10)}, "crop is \\(0, 0, 10\\); expected \\(top, left, height, width\\)"),
        ({"frameskip": 0}, "frameskip is 0"),
        ({"noop_max": -1}, "noop_max is -1"),
        ({"random_max": -1}, "random_max is -1; expected"),
        ({"mirror": "yes"}, "mirror is 'yes'; expected False, True"),
    ],
)
def test_invalid_settings_are_refused_by_make(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_unknown_options_are_refused_and_the_episode_continues(env):
    env.reset()
    with pytest.raises(ValueError, match="there is no setting 'cuorse' \\(maybe you meant 'course'\\?\\)"):
        env.reset(options={"cuorse": "desert"})
    assert env.step(STRAIGHT)[4]["progress"] < 0.1


@pytest.mark.parametrize("actions", ["discrete", "multidiscrete", "continuous"])
def test_actions_of_each_kind_reach_the_pad(actions):
    """The game has read the action's controller word."""
    with make(actions=actions, frameskip=2) as env:
        check_env(env.unwrapped, skip_render_check=True)
        env.reset()
        env.action_space.seed(3)
        for _ in range(10):
            action = env.action_space.sample()
            env.step(action)
            expected = env.unwrapped._actions.word(action)
            assert env.unwrapped.emulator.samples()[-2:].tolist() == [expected] * 2


def test_drifting_needs_the_r_button():
    with make(actions="continuous") as env:
        env.reset()
        for _ in range(40):
            env.step([0, 1, 0, 0])
        drifting = [env.step([1, 1, 0, 1])[4]["drifting"] for _ in range(12)]
    assert any(drifting)


def test_observations_can_contain_picture_and_telemetry():
    with make(telemetry=True, obs_type="grayscale", size=(42, 42)) as env:
        check_env(env.unwrapped, skip_render_check=True)
        observation, info = env.reset()
        names = env.unwrapped.telemetry_names
        for _ in range(30):
            observation, *_, info = env.step(STRAIGHT)
        values = dict(zip(names, observation["telemetry"].tolist(), strict=True))
        raw = read_telemetry(env.unwrapped.emulator.rdram)
    assert values["speed"] == pytest.approx(info["speed"] / 100)
    assert values["lateral"] == pytest.approx(info["lateral"])
    assert values["heading_error"] == pytest.approx(info["heading_error"] / 180)
    assert values["bend_30m"] == pytest.approx(raw.ahead_3 / 32768)
    assert values["laps_left"] == 1
    assert observation["picture"].shape == (42, 42)


def test_telemetry_of_a_game_without_it_is_refused(rom):
    with pytest.raises(ValueError, match="this game has no vector of telemetry"):
        gymnasium.make("n64gym/Rom-v0", rom=rom("pad"), telemetry=True)


def test_a_cropped_observation_is_that_part_of_the_picture():
    with make(crop=(60, 40, 40, 80), render_mode="rgb_array") as env:
        observation, _ = env.reset()
        assert observation.shape == (40, 80, 3)
        assert (observation == env.render()[60:100, 40:120]).all()


def test_info_has_the_reward_term_by_term():
    with make(reward={"progress": 100, "time": 1, "off_road": 3, "jerk": 0.5}) as env:
        env.reset()
        sums = dict.fromkeys(("progress", "time", "off_road", "jerk"), 0.0)
        over, steps = False, 0
        while not over:
            action = (STRAIGHT, 11)[steps % 2]
            _, reward, _, over, info = env.step(action)
            steps += 1
            assert reward == pytest.approx(sum(info["reward_terms"].values()))
            assert reward == pytest.approx(info["reward_objectives"] + info["reward_costs"])
            for name, share in info["reward_terms"].items():
                sums[name] += share
    assert sums["time"] == pytest.approx(-steps * 4 / 60)
    assert sums["jerk"] == pytest.approx(-0.5 * (steps - 1) * stick_of(DRIVING[11].word)[0] / 160)
    assert sums["off_road"] < 0
    assert {name: info["metrics"][f"reward_{name}"] for name in sums} == pytest.approx(sums)


def test_the_time_preset_rewards_only_the_finish():
    with make(reward="time", laps=1) as env:
        env.reset()
        _, info = env.reset()
        driver, total, over = Driver(env), 0.0, False
        while not over:
            _, reward, over, _, info = env.step(driver())
            assert (reward == 0) != over
            total += reward
    assert total == pytest.approx(180 - info["race_time"])


def test_environments_in_a_vector_behave_as_alone():
    settings = {"obs_type": "grayscale", "size": (42, 42)}
    with make(**settings) as alone:
        envs = gymnasium.make_vec(
            "n64gym/OpenKart-v0", num_envs=4, vectorization_mode="vector_entry_point", stuck_limit=2.0, **settings
        )
        observations, _ = envs.reset(seed=1)
        one, _ = alone.reset(seed=3)
        assert observations.shape == (4, 42, 42)
        assert (observations[2] == one).all()
        for step in range(25):
            actions = [(step + k) % 12 for k in range(4)]
            observations, rewards, *_ = envs.step(actions)
            one, reward, *_ = alone.step(actions[2])
            assert (observations[2] == one).all()
            assert rewards[2] == pytest.approx(reward)
        over = np.zeros(4, bool)
        while not over.all():  # every kart brakes until it is stuck; each environment resets in the step after that
            begun = over
            observations, rewards, _, truncated, infos = envs.step([BRAKE] * 4)
            over = over | truncated
            if (over & ~begun)[2]:
                observations, rewards, *_, infos = envs.step([BRAKE] * 4)
                assert (observations[2] == alone.reset()[0]).all()
                assert (rewards[2], infos["start_noops"][2]) == (0, 0)
        envs.close()


def test_idle_frames_vary_the_start_and_are_reported():
    with make(noop_max=30) as env:
        told = [env.reset(seed=seed)[1] for seed in range(5)]
    assert len({info["start_noops"] for info in told}) > 1
    assert all(info["race_time"] == pytest.approx((2 + info["start_noops"] + 1) / 60, abs=0.04) for info in told)
    assert np.ptp([info["progress"] for info in told]) < 0.01


def test_random_presses_vary_the_start_and_are_reported():
    with make(random_max=600) as env:
        env.action_space.seed(1)
        sampled = [env.action_space.sample() for _ in range(9)]
        env.action_space.seed(1)
        began = [env.reset(seed=seed) for seed in (*range(12), 0)]
        assert [env.action_space.sample() for _ in range(9)] == sampled, (
            "random presses must not be drawn from the user's action space"
        )
    told = [info for _, info in began]
    assert all(info["race_time"] == pytest.approx((3 + info["start_random"]) / 60, abs=0.04) for info in told)
    assert max(info["start_random"] for info in told) > 300
    assert max(abs(info["heading_error"]) for info in told) > 45
    assert (began[0][0] == began[-1][0]).all()
    assert told[0] == told[-1]
