"""docs/metrics.md lists exactly the metrics that a real run writes."""

import re
from pathlib import Path

import gymnasium as gym
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

import n64gym  # noqa: F401
from a3c64.envs.episode import Episode
from a3c64.paramserver.evaluations import charted, evaluation
from n64gym.games.openkart_driver import Driver

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
PLUGINS_OWN = {"custom_scalars__config__", "_hparams_/session_start_info"}


def documented():
    bullets = re.findall(r"^- (`[^:]*):", DOCUMENT.read_text(), re.MULTILINE)
    named = [name for bullet in bullets for name in re.findall(r"`([^`]+)`", bullet)]
    assert len(named) == len(set(named)), "each metric is listed once"
    return set(named)


def finished_race():
    """Return the metrics of a grand prix that the scripted driver finishes. Such a race reports every metric."""
    with gym.make("n64gym/OpenKart-v0", mode="grand_prix", laps=1) as env:
        _, info = env.reset(seed=1)
        driver = Driver(env)
        ended = False
        while not ended:
            *_, terminated, truncated, info = env.step(driver())
            ended = terminated or truncated
        assert terminated
        return info["metrics"]


def tags(folder):
    return set(EventAccumulator(str(folder)).Reload().Tags()["tensors"]) if folder.exists() else set()


def test_the_list_of_metrics_is_what_a_run_writes(stack):
    metrics = finished_race()
    openkart = {"env_id": "n64gym/OpenKart-v0", "env_args": '{"laps": 1, "time_limit": 2}', "preset": "none"}
    stack.start("a3c64.paramserver", legacy_tags=True, eval_interval=1, eval_episodes=1, **openkart)
    stack.start("a3c64.worker")
    stack.start("a3c64.worker.evaluator")
    board = stack.run_dir / "tensorboard"
    stack.wait_for(lambda r: r.evaluation and r.episodes > 4, 120, "episodes, and an evaluation")
    needed = {"eval/mean_reward", "rollout/observation", "global/episode_time"}
    stack.wait_for(lambda r: needed <= tags(board), 60, "the points of the evaluation")
    written = tags(board) - PLUGINS_OWN
    evaluated = charted(evaluation(1, 1, 1.0, [Episode(0.0, 1, metrics)]))
    not_in_two_seconds = {f"env/{name}" for name in metrics} | evaluated.keys()
    with_demonstrations = {"train/imitation_loss"}  # test_worker_fading.py has such a run
    of_followers = {"outside/tracking_failures", "outside/checkpoint_command_failures"}  # of no follower here
    assert written | not_in_two_seconds | with_demonstrations | of_followers == documented()
