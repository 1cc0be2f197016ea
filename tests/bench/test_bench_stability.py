"""Many workers in one process: their order, the staleness of gradients, and a run's results."""

import copy
import json

import bench_many_workers
import pytest
from bench_stability import OLD, rounded, run
from many_workers import ManyWorkers, hyperparameters_of

from a3c64.policy.checkpoint import newest

SMALL = {"envs_per_worker": 1, "t_max": 8}
PUBLISHED = {**SMALL, "surrogate_clip": 0.0}  # gradients are computed with the weights that acted


def test_gradients_of_n_workers_are_n_minus_one_updates_late():
    training = ManyWorkers(hyperparameters_of("CartPole-v1", PUBLISHED), workers=5)
    training.go_on(1200)
    training.close()
    assert training.step == 1200
    assert training.service.metrics.staleness_figures().median == 4
    shares = [member.steps for member in training.service.roster.members()]
    assert min(shares) > 0.8 * max(shares)


def test_a_slow_worker_takes_a_tenth_of_the_steps_and_is_late_by_ten_rounds():
    training = ManyWorkers(hyperparameters_of("CartPole-v1", PUBLISHED), workers=4, one_slow=True)
    training.go_on(4000)
    training.close()
    slow, *others = (member.steps for member in training.service.roster.members())
    assert slow == pytest.approx(min(others) / 10, rel=0.5)
    assert training.service.metrics.staleness_figures().max > 20


def test_a_finished_run_ends_without_an_error():
    training = ManyWorkers(hyperparameters_of("CartPole-v1", {**SMALL, "total_timesteps": 400}), workers=3)
    training.go_on(10_000)
    training.close()
    assert 400 <= training.step < 450


@pytest.mark.parametrize(("workers", "late"), [(2, 1), (10, 2)])
def test_gradients_of_many_workers_are_computed_with_newer_weights(workers, late):
    training = ManyWorkers(hyperparameters_of("CartPole-v1", SMALL), workers)
    training.go_on(3000)
    training.close()
    # With ten workers, two others push between a fetch of newer weights and its gradient. With two, no worker fetches.
    assert training.service.metrics.staleness_figures().median == late


def test_a_run_is_judged_at_every_interval_and_at_its_end():
    wide = hyperparameters_of("CartPole-v1", {"envs_per_worker": 10, "t_max": 50})
    first, result = (copy.deepcopy(found) for found in run(wide, 2, one_slow=False, steps=12_000, every=10_000))
    assert [judgement["step"] for judgement in first["judgements"]] == [10_000]  # a run that is stopped here has these
    assert [judgement["step"] for judgement in result["judgements"]] == [10_000, 12_000]
    assert all(1.0 <= judgement["mean_return"] <= 500.0 for judgement in result["judgements"])
    assert [point["step"] for point in result["curve"]] == [10_000, 12_000]
    assert {"rollout/ep_rew_mean", "train/entropy"} <= result["curve"][-1].keys()
    json.dumps(result)


def test_a_run_is_continued_from_its_checkpoint(tmp_path):
    wide = hyperparameters_of("CartPole-v1", {"envs_per_worker": 10, "t_max": 50})
    *_, first = run(wide, 2, one_slow=False, steps=12_000, every=6_000, checkpoints=tmp_path)
    first = copy.deepcopy(first)
    # It was stopped between results and checkpoint, so the results are newer. They are taken from the checkpoint on.
    newer = {"judgements": [*first["judgements"], {"step": 18_000}], "curve": [*first["curve"], {"step": 18_000}]}
    (second,) = run(wide, 2, False, 15_000, 6_000, first | newer, tmp_path)
    steps = [judgement["step"] for judgement in second["judgements"]]
    assert steps == [10_000, 12_000, 15_000]
    assert [point["step"] for point in second["curve"]] == steps
    assert second["cpu_seconds"] > first["cpu_seconds"]
    assert [path.name for path in tmp_path.glob("step_*")] == ["step_15000"]
    # The version counts the gradients of both parts, one of 500 steps each.
    assert newest(tmp_path).version == 15_000 // 500


def test_open_kart_is_trained_and_judged_on_the_hosts_game():
    (result,) = run(hyperparameters_of("n64gym/OpenKart-v0", {"env_args": '{"time_limit": 5}'}), 1, False, 800, 1000)
    assert result["judgements"][0].keys() >= {"mean_return", "finish_rate"}


def test_the_old_defaults_can_still_be_set():
    old = hyperparameters_of("CartPole-v1", OLD)
    assert (old.normalise_advantages, old.rmsprop_epsilon, old.target_kl, old.surrogate_clip) == (True, 1e-8, 0.0, 0.0)


def test_times_are_left_out_of_the_results():
    assert rounded({"time/fps": 3.0, "train/entropy": 0.123456789}) == {"train/entropy": 0.12346}


@pytest.mark.parametrize(("goal", "reached"), [(1.0, 504), (501.0, None)])
def test_a_run_of_many_workers_ends_at_the_first_evaluation_at_the_goal(goal, reached, tmp_path, monkeypatch):
    task = bench_many_workers.TASKS["cartpole"]._replace(goal=goal, every=500)
    result = bench_many_workers.run(
        task, hyperparameters_of("CartPole-v1", SMALL), workers=4, one_slow=False, most=1200
    )
    assert result["reached_steps"] == reached
    assert result["curve"][-1]["step"] == (reached or 1200)
    named = {"name": "default", "env_id": task.env_id, "seed": 1, **result}
    monkeypatch.setattr(bench_many_workers, "RESULTS", tmp_path)
    (tmp_path / "one.json").write_text(json.dumps(named))
    expected = f"| CartPole-v1 | default | 4 | 1: {reached or 'not after 1,200'}"
    assert bench_many_workers.table().splitlines()[-1].startswith(expected)
