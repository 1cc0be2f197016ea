"""What a person meant by their input: the reaction time is taken away, and taps of a key become stick positions."""

import json
import threading

import numpy as np
import pytest
from teaching import ARGUMENTS, drive_and_record

from a3c64.hyperparameters import Hyperparameters
from a3c64.teaching.movies import demonstrated
from n64gym import meant
from n64gym.machine.controller import DRIVING, A, B, stick_of, word

LATER = 3  # steps of 4 VIs in 0.2 s


def tapped(wanted):
    """Return the words of a keyboard's player who wants these stick positions: full left, full right or straight."""
    words, owed = [word(A)] * LATER, 0.0
    for x in wanted:
        owed += x
        key = int(np.sign(owed)) * 80 if abs(owed) > 40 else 0
        owed -= key
        words.append(word(A, x=key))
    return words[: len(wanted)]


def test_taps_of_a_key_are_the_stick_position_that_their_player_wanted():
    wanted = 50 * np.sin(np.arange(240) * 2 * np.pi / 80)
    words = tapped(wanted)
    found = meant(words, 4, 0.2)
    assert {one & 0xFFFF for one in found} == {A}
    compared = slice(0, -2 * LATER)  # the last steps lack the input that follows
    away = np.abs([stick_of(one)[0] for one in found] - wanted)[compared].mean()
    pressed = np.abs([stick_of(one)[0] for one in words] - wanted)[compared].mean()
    assert away < 12 < 30 < pressed


def test_buttons_are_pressed_earlier_and_sticks_of_other_buttons_do_not_count():
    words = [word(A, x=80)] * 10 + [word(B, x=-80)] * 10
    assert meant(words, 4, 0.2) == [word(A, x=80)] * 7 + [word(B, x=-80)] * 13
    assert meant(words[:1], 4, 0.2) == words[:1]
    assert meant([], 4, 0.2) == []


@pytest.mark.parametrize("frameskip", [1, 4, 60])
def test_steady_input_stays_as_it_is(frameskip):
    words = [word(A, x=-33, y=7)] * 30
    assert meant(words, frameskip, 0.2) == words


def test_movies_of_a_person_teach_what_they_meant(tmp_path):
    movie = drive_and_record(tmp_path)  # of a teacher who knows full left, full right and straight
    arguments = json.dumps({**ARGUMENTS, "telemetry": False})
    hyperparameters = Hyperparameters(env_args=arguments, frame_size=16, frame_colours="grey")
    pressed = demonstrated(hyperparameters, [movie], "", threading.Event())
    person = hyperparameters.model_copy(update={"imitation_reaction": 0.2})
    wanted = demonstrated(person, [movie], "", threading.Event())
    sticks = [np.array([stick_of(one.word)[0] for one in DRIVING])[shown.actions] for shown in (pressed, wanted)]
    assert set(np.abs(sticks[0])) == {0, 80}
    assert {20, 40, 60} <= set(np.abs(sticks[1]))
    np.testing.assert_allclose(sticks[0][LATER:].mean(), sticks[1][:-LATER].mean(), atol=4)
    same = ("starts", "exact", "rewards", "ended")
    np.testing.assert_array_equal(wanted.observations.image, pressed.observations.image)
    for name in same:
        np.testing.assert_array_equal(getattr(wanted, name), getattr(pressed, name))
