"""Watching a trained policy play: `a3c64 enjoy`, in a window where there is a display, and a line for each episode."""

import json
import os
import threading

import numpy as np

from agent.config import Settings
from agent.driver import Driver
from agent.episode import Episode
from agent.evaluate import play


def enjoy(settings: Settings, driver: Driver, episodes: int, window: bool, stop: threading.Event) -> list[Episode]:
    """Play greedily with one environment until `stop`, or so many episodes are over, and tell of each."""
    given = settings.model_fields_set
    arguments = json.loads(settings.env_args if "env_args" in given else driver.run.env_args)
    if window:
        arguments["render_mode"] = "human"  # the environment shows itself, at its own pace
    run = driver.run.model_copy(
        update={"env_args": json.dumps(arguments), "envs_per_worker": 1, "seed": settings.seed},
    )
    score = driver.score
    judged = f", mean return {score['mean_reward']:.2f} of {score['episodes']} greedy episodes" if score else ""
    print(f"{run.env_id}: a policy of {driver.step:,} steps{judged}", flush=True)
    played: list[Episode] = []

    def tell(episode: Episode) -> None:
        played.append(episode)
        print(f"{len(played):>3}  {text(episode)}", flush=True)

    play(run, driver.weights, episodes, settings.rom, stop=stop, tell=tell)
    if len(played) > 1:
        print(f"mean return {np.mean([episode.total_reward for episode in played]):.2f}", flush=True)
    return played


def text(episode: Episode) -> str:
    """Return one episode as a line: what happened in a race, and the return of anything."""
    metrics, parts = episode.metrics, []
    if "finished" in metrics:
        parts.append("finished" if metrics["finished"] else "did not finish")
    if "progress" in metrics:
        parts.append(f"{metrics['progress']:.2f} laps")
    if "race_time_s" in metrics:
        parts.append(f"in {metrics['race_time_s']:.2f} s")
    if "best_lap_s" in metrics:
        parts.append(f"best lap {metrics['best_lap_s']:.2f} s")
    parts += [f"return {episode.total_reward:.2f}", f"{episode.length} steps"]
    return ", ".join(parts)


def open_display() -> bool:
    """Say whether a window can be opened; if not, whatever draws with pygame draws into memory."""
    import pygame

    try:
        os.environ.update({"SDL_VIDEODRIVER": "x11"})  # SDL's own choice may be a console, or one that crashes
        pygame.display.init()
    except pygame.error:
        os.environ.update({"SDL_VIDEODRIVER": "dummy"})
        return False
    return True
