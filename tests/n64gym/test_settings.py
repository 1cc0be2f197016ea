"""Settings, rewards and action spaces, without an emulator."""

import re

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n64gym import settings
from n64gym.actions import KINDS, driving
from n64gym.games.smash_actions import fighting
from n64gym.machine.controller import BUTTON_ORDER, DRIVING, A, B, R, StickAndButtons, stick_of, word
from n64gym.race import COSTS, LEGACY_CHECKPOINTS, OBJECTIVES, PRESETS, RaceStatus, RaceStep
from n64gym.rewards import Reward
from n64gym.settings import Setting

TABLE = {"course": Setting(("meadow", "desert"), "meadow"), "start": Setting(range(100), 0.0, parts=100)}


def test_draw_takes_defaults_choices_and_lists():
    random = np.random.default_rng(1)
    assert settings.draw(TABLE, {}, random) == {"course": "meadow", "start": 0.0}
    assert settings.draw(TABLE, {"course": "desert", "start": 0.404}, random) == {"course": "desert", "start": 0.4}
    drawn = [settings.draw(TABLE, {"start": [0.1, 0.5], "course": ("desert",)}, random) for _ in range(50)]
    assert {one["start"] for one in drawn} == {0.1, 0.5}
    assert {one["course"] for one in drawn} == {"desert"}
    assert settings.draw(TABLE, {"start": np.linspace(0, 0.9, 10)}, random)["start"] in [k / 10 for k in range(10)]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"corse": "meadow"}, "there is no setting 'corse' (maybe you meant 'course'?); expected 'course', 'start'"),
        ({"course": "medow"}, "course is 'medow' (maybe you meant 'meadow'?); expected 'meadow', 'desert'"),
        ({"course": ["meadow", 3]}, "course is 3; expected 'meadow', 'desert'"),
        ({"course": []}, "course is an empty list"),
        ({"start": 1.0}, "start is 1.0; expected a number from 0 to 0.99"),
        ({"start": -0.1}, "start is -0.1"),
        ({"start": float("nan")}, "start is nan"),
        ({"start": "half"}, "start is 'half'"),
        ({"start": np.float64(7)}, "start is 7.0"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(chosen, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        settings.check(TABLE, chosen)


STATUS = RaceStatus(
    progress=0.5,
    lap=0,
    laps=3,
    speed=60.0,
    place=3,
    karts=8,
    wrong_way=False,
    off_road=False,
    collisions=0,
    finished=False,
    race_time=20.0,
    lap_times=(),
)


def a_step(furthest=0.5, stick_moved=0.0, **changes):
    return RaceStep(
        before=STATUS,
        now=STATUS._replace(**changes),
        furthest=STATUS._replace(progress=furthest),
        seconds=0.1,
        time_limit=180.0,
        steps=200,
        stick_moved=stick_moved,
    )


def weigh(weights, **changes):
    reward, info = Reward(weights, PRESETS, OBJECTIVES, COSTS).weigh(a_step(**changes))
    return reward, info["reward_terms"]


CHECKPOINT = 1.01 / LEGACY_CHECKPOINTS


@pytest.mark.parametrize(
    ("term", "changes", "amount"),
    [
        ("progress", {"progress": 0.75}, 0.25),
        ("progress", {"progress": 0.25}, -0.25),
        ("lap", {"lap": 1}, 1),
        ("lap", {"lap": 3, "finished": True}, 0),
        ("checkpoint", {"progress": 0.5 + CHECKPOINT}, 1),
        ("checkpoint", {"progress": 0.5 + CHECKPOINT, "furthest": 0.6}, 0),
        ("checkpoint", {"progress": 0.5 + CHECKPOINT, "lap": 1}, 0),
        ("place", {"place": 1}, 2),
        ("place", {"place": 5}, -2),
        ("finish", {"finished": True}, 1),
        ("finish", {}, 0),
        ("seconds_left", {"finished": True, "race_time": 100.0}, 80.0),
        ("seconds_left", {"finished": True, "race_time": 200.0}, 0.0),
        ("seconds_left", {"race_time": 100.0}, 0.0),
        ("steps_left", {"finished": True}, 1050),
        ("time", {}, -0.1),
        ("wrong_way", {"wrong_way": True}, -0.1),
        ("off_road", {"off_road": True}, -0.1),
        ("collisions", {"collisions": 2}, -2),
        ("jerk", {"stick_moved": 0.5}, -0.5),
        ("uneventful", {}, -1),
        ("uneventful", {"lap": 1}, 0),
        ("uneventful", {"progress": 0.4}, 0),
        ("backwards", {"progress": 0.4}, -1),
        ("backwards", {"progress": 0.6}, 0),
    ],
)
def test_each_reward_term_has_its_amount(term, changes, amount):
    reward, shares = weigh({term: 10.0}, **changes)
    assert reward == pytest.approx(10 * amount)
    assert shares == {term: reward}


def test_every_term_and_preset_can_be_weighed():
    everything = dict.fromkeys((*OBJECTIVES, *COSTS), 1.0)
    for weights in (everything, *PRESETS):
        reward, shares = weigh(weights, progress=0.7)
        assert reward == pytest.approx(sum(shares.values()))


def test_legacy_gives_one_event_a_step_as_gym_mupen64plus_did():
    assert weigh("legacy")[0] == pytest.approx(-0.1)
    assert weigh("legacy", progress=0.5 + CHECKPOINT)[0] == pytest.approx(0.5)
    assert weigh("legacy", progress=0.4)[0] == pytest.approx(-1)
    assert weigh("legacy", progress=1.0, lap=1)[0] == pytest.approx(100)
    assert weigh("legacy", progress=3.0, lap=3, finished=True)[0] == pytest.approx(1000 + 5 * (1250 - 200))


def test_reward_totals_and_terms_are_reported():
    reward = Reward({"progress": 100, "off_road": 2}, PRESETS, OBJECTIVES, COSTS)
    for _ in range(3):
        total, info = reward.weigh(a_step(progress=0.6, off_road=True))
    assert info == {
        "reward_terms": {"progress": pytest.approx(10), "off_road": pytest.approx(-0.2)},
        "reward_objectives": pytest.approx(10),
        "reward_costs": pytest.approx(-0.2),
    }
    assert total == pytest.approx(9.8)
    assert reward.metrics() == {"reward_progress": pytest.approx(30), "reward_off_road": pytest.approx(-0.6)}
    reward.begin()
    assert reward.metrics() == {"reward_progress": 0, "reward_off_road": 0}


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ("progres", "reward is 'progres' (maybe you meant 'progress'?); expected 'progress', 'time', 'legacy'"),
        ({"lapp": 1}, "reward has no term 'lapp' (maybe you meant 'lap'?)"),
        ({"lap": "much"}, "reward: the weight of 'lap' is 'much'; expected a number"),
        ({"lap": float("inf")}, "reward: the weight of 'lap' is inf"),
    ],
)
def test_an_invalid_reward_is_refused(reward, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Reward(reward, PRESETS, OBJECTIVES, COSTS)


@given(st.integers(-128, 127), st.integers(-128, 127), st.integers(0, 0x3FFF))
def test_stick_of_inverts_word(x, y, buttons):
    assert stick_of(word(buttons, x, y)) == (x, y)


@pytest.mark.parametrize("kind", KINDS)
def test_an_action_can_be_recovered_from_its_word(kind):
    actions = driving(kind)
    space = actions.space()
    space.seed(1)
    for _ in range(100):
        action = space.sample()
        buttons = actions.word(action)
        again = actions.action(buttons)
        assert again in space
        if kind in ("multidiscrete", "signed"):
            assert (again == action).all()
        x = stick_of(buttons)[0]
        assert (actions.word(again) & (A | B | R), stick_of(actions.word(again))[0]) == (buttons & (A | B | R), x)


@pytest.mark.parametrize(
    ("actions", "reach"),
    [
        (driving("multidiscrete"), range(-80, 81)),
        (fighting("multidiscrete"), range(-128, 128)),
        (StickAndButtons(BUTTON_ORDER), range(-80, 81)),
    ],
)
def test_a_library_that_counts_from_0_moves_the_stick_from_left_to_right(actions, reach):
    """Stable-Baselines3 and CleanRL draw each part from 0 to its size, whatever the space's `start` says."""
    space = actions.space()
    assert not space.start.any()
    assert space.nvec[:2].tolist() == [len(reach)] * 2
    released, centre = [0] * (len(space.nvec) - 2), reach.index(0)
    held = [max(-80, min(80, value)) for value in reach]
    assert [stick_of(actions.word(np.array([k, centre, *released]))) for k in range(space.nvec[0])] == [
        (x, 0) for x in held
    ]
    assert [stick_of(actions.word(np.array([centre, k, *released]))) for k in range(space.nvec[1])] == [
        (0, y) for y in held
    ]


def test_the_discrete_action_of_a_word_has_the_nearest_stick():
    names = [DRIVING[driving("discrete").action(word(A, x))].name for x in (-128, -55, -3, 33, 90)]
    assert names == ["extreme left", "hard left", "straight", "right", "extreme right"]


def test_continuous_actions_brake_and_reverse():
    continuous = driving("continuous")
    assert continuous.word([-2.0, 1, 0, 0]) == word(A, -80)
    assert continuous.word([0.5, 0.2, 0.9, 0]) == word(B, 40, -80)
    assert continuous.word([0, 1, 1, 1]) == word(A | B | R)
    assert isinstance(continuous.space(), gymnasium.spaces.Box)
    with pytest.raises(ValueError, match="actions is 'discret' \\(maybe you meant 'discrete'\\?\\)"):
        driving("discret")
