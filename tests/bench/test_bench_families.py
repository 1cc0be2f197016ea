"""The bench of many environments: its settings, and what is left to do of a run."""

import argparse
import json

import bench_families
import pytest
from bench_learn_sides import A3c64
from families import FAMILIES, experiment_of
from zoo import FOREIGN, OPEN_KART, ZOO, entry_for

from a3c64.config import BadInputError
from a3c64.envs.making import find

PPO = {"n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "ent_coef", "vf_coef", "learning_rate", "clip_range",
       "max_grad_norm", "use_sde", "sde_sample_freq"}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_environment_has_an_entry_and_its_own_threshold(name):
    env_id = FAMILIES[name].env_id
    assert entry_for(env_id) is not OPEN_KART
    try:
        assert find(env_id).reward_threshold == FAMILIES[name].threshold
    except BadInputError as error:  # a package of requirements/envs.txt is missing
        pytest.skip(str(error))


@pytest.mark.parametrize("env_id", [*ZOO, *FOREIGN])
def test_an_entry_fills_whole_batches(env_id):
    entry = entry_for(env_id)
    assert set(entry.settings) <= PPO
    batch = entry.settings.get("batch_size", 64)
    assert entry.settings["n_steps"] * entry.envs % min(batch, entry.settings["n_steps"] * entry.envs) == 0
    assert (env_id in FOREIGN) == (entry.section == "")


def options_of(folder, **more):
    given = {"time_limit": 2.0, "bind": "", "core": 0, "train_only": False, "again": False, "episodes": 1}
    return argparse.Namespace(**{**given, "results": folder, **more})


def test_a_run_goes_on_where_it_was_left(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_families, "RUNS", tmp_path / "runs")
    trained = tmp_path / "runs" / "taxi-a3c64-seed1" / "trained.json"
    trained.parent.mkdir(parents=True)
    trained.write_text(
        json.dumps({"family": "taxi", "algorithm": "a3c64", "seed": 1, "seconds": 40, "steps": 7, "saved": "step_7"})
    )
    asked = []

    def play(side, saved, seed, episodes, drawn):
        asked.append((saved.step, saved.path, drawn))
        return {"n": episodes, "mean_return": float(drawn), "std_return": 0.0, "policy": "", "progress": None}

    monkeypatch.setattr(A3c64, "play", play)
    bench_families.run("taxi", "a3c64", 1, options_of(tmp_path, train_only=True))
    assert asked == [], "it is trained already, and nothing else was wanted"
    for _ in range(2):  # the second call finds the result
        bench_families.run("taxi", "a3c64", 1, options_of(tmp_path))
    path = trained.parent / "step_7"
    assert asked == [(7, path, False), (7, path, True)]
    result = json.loads((tmp_path / "taxi-a3c64-seed1.json").read_text())
    assert result["greedy"] == {"n": 1, "mean_return": 0.0, "std_return": 0.0}
    assert result["drawn"]["mean_return"] == 1.0


def test_a3c64_trains_with_one_worker():
    assert experiment_of("taxi", "a3c64").workers == 1
