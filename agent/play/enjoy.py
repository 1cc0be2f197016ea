"""Play a trained policy in a window or into a film, and print a line for each episode (`a3c64 enjoy`)."""

import json
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, declared_by
from a3c64.hyperparameters import Hyperparameters
from a3c64.output import say
from a3c64.play.camera import FPS, Camera
from a3c64.play.video import Video
from a3c64.policy.episodes import play, varied
from a3c64.policy.policy_file import Policy
from a3c64.progress import Progress


def enjoy(
    hyperparameters: Hyperparameters,
    policy: Policy,
    episodes: int,
    rom: str,
    window: bool,
    stop: threading.Event,
    greedy: bool = True,
    mp4: Path | None = None,
) -> list[Episode]:
    """Play `episodes` episodes, or until `stop`, in one environment, and print a line for each.

    Args:
        hyperparameters: gives the environment and the seed.
        policy: the policy that plays.
        episodes: number of episodes.
        rom: path of an N64 ROM; empty = Open Kart.
        window: show a window; the environment then runs in real time.
        stop: set to end early.
        greedy: take the greedy action instead of drawing one.
        mp4: a video to write; not allowed together with `window`.
    """
    if mp4:
        os.environ.update({"MUJOCO_GL": "egl"})  # MuJoCo's default needs a display
    shown = {"render_mode": "human"} if window else {"render_mode": "rgb_array"} if mp4 else {}
    hyperparameters = varied(hyperparameters)
    arguments = json.dumps(json.loads(hyperparameters.env_args) | shown)
    hyperparameters = hyperparameters.model_copy(update={"env_args": arguments, "envs_per_worker": 1})
    score = policy.score
    judged = (
        f", mean return {score['mean_reward']:.2f} of {score['episodes']} {_actions(score)} episodes" if score else ""
    )
    say(f"{hyperparameters.env_id}: a policy of {policy.step:,} steps{judged}")
    played: list[Episode] = []
    figures = UNDECLARED

    def tell(episode: Episode) -> None:
        played.append(episode)
        say(f"{len(played):>3}  {', '.join(figures.describe(episode))}")
        if progress:
            progress.advance()

    with ExitStack() as opened:
        video = opened.enter_context(Video(mp4, FPS)) if mp4 else None
        progress = opened.enter_context(Progress("episodes", episodes)) if mp4 else None

        def wrap(env: gym.Env) -> gym.Env:
            nonlocal figures
            figures = declared_by(env)
            return Camera(env, video) if video else env

        try:
            play(hyperparameters, policy.weights, episodes, rom, greedy, stop, tell, wrap)
        except BadInputError as error:
            if mp4 and "'render_mode'" in str(error):
                raise BadInputError(
                    f"--mp4: {hyperparameters.env_id} cannot be filmed: it does not accept render_mode"
                ) from None
            raise
    if len(played) > 1:
        say(f"mean return {np.mean([episode.total_reward for episode in played]):.2f}")
    if video and video.frames:
        say(f"{mp4}: {video.frames} frames, {video.frames / video.fps:.1f} s")
    return played


def _actions(score: dict[str, Any]) -> str:
    """Return how the actions of an evaluation were chosen. Files of earlier releases do not say it: greedy."""
    return "drawn" if score.get("actions") == "drawn" else "greedy"


def open_display() -> bool:
    """Return whether a window can be opened; if not, pygame draws into memory from now on."""
    import pygame

    try:
        os.environ.update({"SDL_VIDEODRIVER": "x11"})  # SDL's default may be a console, or a driver that crashes
        pygame.display.init()
    except pygame.error:
        os.environ.update({"SDL_VIDEODRIVER": "dummy"})
        return False
    return True
