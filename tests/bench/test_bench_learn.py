"""The benches' own logic: finding the first checkpoint that reaches the goal, keeping checkpoints, ending programs."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import teachers
from bench_learn import first_reaching
from bench_learn_experiments import EXPERIMENTS, Goal
from bench_learn_sides import A3c64, Saved
from bench_taught import FOR_TIME, KEPT, figures, kept, settings_of
from programs import result_of, running


@pytest.mark.parametrize("count", [1, 2, 5, 6, 60])
def test_the_first_checkpoint_at_the_goal_is_found_by_few_evaluations(count):
    saved = [Saved(30.0 * k, k, Path()) for k in range(count)]
    for first in range(count + 1):
        asked = []

        def reaches(one, first=first, asked=asked):
            asked.append(one.step)
            return one.step >= first

        found = first_reaching(saved, reaches)
        assert found == (saved[first] if first < count else None)
        assert len(set(asked)) <= 5 + 4


def test_a_goal_is_reached_within_its_bounds_and_not_without_a_figure():
    assert Goal("finish_rate", at_least=0.95).reached({"finish_rate": 0.95})
    assert not Goal("finish_rate", at_least=0.95).reached({"finish_rate": None})
    assert Goal("best_lap_s", at_most=31.0).reached({"best_lap_s": 30.0})
    assert not Goal("best_lap_s", at_most=31.0).reached({})


def test_checkpoints_remain_when_the_server_deletes_them(tmp_path):
    old = tmp_path / "run" / "checkpoints" / "step_10"
    old.mkdir(parents=True)
    (old / "state.json").write_text("{}")
    A3c64._keep(tmp_path / "run", tmp_path / "saved")
    (old / "state.json").unlink()
    old.rmdir()
    assert (tmp_path / "saved" / "step_10" / "state.json").read_text() == "{}"


def test_experiments_begin_with_existing_ones():
    assert {one.begins_with for one in EXPERIMENTS.values()} <= {"", *EXPERIMENTS}


def test_a_run_taught_by_a_person_learns_what_they_meant():
    given = settings_of("keyboard", "desert", 2, {"imitation_cost": "0.1"})
    assert teachers.REACTION_VIS[0] <= 60 * given["imitation_reaction"] <= teachers.REACTION_VIS[1]
    assert (given["seed"], given["imitation_cost"]) == (2, "0.1")
    assert "imitation_reaction" not in settings_of("driver", "desert", 2, {})


@pytest.mark.parametrize("kind", FOR_TIME)
def test_a_speedrun_is_trained_for_time_on_whole_races(kind):
    given = settings_of(kind, "meadow", 2, {"total_timesteps": "150000"})
    assert {name: given[name] for name in ("seed", "discount", "total_timesteps")} == {
        "seed": 2,
        "discount": EXPERIMENTS["speedrun"].settings["discount"],
        "total_timesteps": "150000",
    }
    arguments = json.loads(given["env_args"])
    assert arguments == {**EXPERIMENTS["speedrun"].env_args, "course": "meadow"}
    assert "laps" not in arguments


def test_the_best_lap_is_of_races_that_were_finished():
    races = [
        SimpleNamespace(metrics={"finished": finished, "progress": 3.0, "race_time_s": 90.0, "best_lap_s": lap})
        for finished, lap in ((1.0, 29.0), (0.0, 27.0), (1.0, 30.0))
    ]
    found = figures(races)
    assert (found["best_lap_s"], found["mean_best_lap_s"]) == (29.0, 29.5)


def test_a_goal_is_kept_if_the_last_evaluations_in_a_row_reached_it():
    rates = [0.0, 1.0, 0.5, *[0.95] * KEPT]
    found = [kept([{"finish_rate": rate} for rate in rates[:n]]) for n in range(len(rates) + 1)]
    assert found == [False] * len(rates) + [True]


def test_a_simulated_person_presses_keys_after_the_reaction_time(monkeypatch):
    wanted = []  # by VI, what the scripted driver does
    monkeypatch.setattr(teachers, "Driver", lambda env: lambda: wanted[-1])
    keyboard = teachers.Keyboard(None, np.random.default_rng(1))
    hard, soft = teachers.NAMES.index("hard left"), teachers.NAMES.index("soft left")
    pressed = []
    for vi in range(120):
        wanted.append(hard if vi >= 60 else soft)
        pressed.append(keyboard())
    first = pressed.index(teachers.LEFT)
    assert set(pressed[:first]) == {teachers.STRAIGHT}  # a soft turn needs no key
    assert set(pressed[first:]) == {teachers.LEFT}
    assert 60 + teachers.REACTION_VIS[0] <= first <= 60 + teachers.REACTION_VIS[1] + teachers.DECIDES_VIS


def test_a_program_that_hangs_or_fails_is_reported_and_ended():
    with pytest.raises(RuntimeError, match="has not ended within 1 s"):
        result_of(["sleep", "60"], 1.0)
    with pytest.raises(RuntimeError, match="has failed"):
        result_of(["false"], 10.0)
    with running(["sleep", "60"]) as process:
        assert process.poll() is None
    assert process.returncode
