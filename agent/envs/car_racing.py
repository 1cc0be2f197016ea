"""Gymnasium's CarRacing with the same pictures in less time: it draws only the steps and squares that are seen."""

import sys
from typing import Any, cast

import gymnasium as gym
import numpy as np

from a3c64.envs.frame_skip import FrameSkip

MODULE = "gymnasium.envs.box2d.car_racing"
USED = ("_render", "_render_road", "_draw_colored_polygon")  # Gymnasium 1.1 to 1.4 have these
MARGIN = 2  # pixels around the window, for edges that are rounded or smoothed into it


class CarRacingFrameSkip(FrameSkip):
    """FrameSkip for CarRacing, which spends 99 % of its time on drawing the picture of each step.

    Of the steps that an action lasts, only the last is drawn. Of the 400 squares of grass and about 300 of road, only
    those in the window are drawn; the game turns and moves all of them in Python, one by one, to find out. Pictures are
    equal to the game's bit for bit, except one: if an episode ends before its last action does, the score in the
    picture is newer by one step.
    """

    def __init__(self, env: gym.Env, count: int) -> None:
        super().__init__(env, count)
        self._game = cast(Any, env.unwrapped)
        self._module: Any = sys.modules[MODULE]
        self._game_render = self._game._render
        self._game._render, self._game._render_road = self._render, self._render_road
        self._unseen, self._outdated = 0, False
        self._grass = squares_of_grass(self._module.GRASS_DIM)
        self._road: list[Any] = []
        self._road_corners = np.zeros((0, 4, 2))

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment until `count` steps are taken or the episode ends."""
        self._unseen = self._count - 1
        observation, reward, terminated, truncated, info = super().step(action)
        self._unseen = 0
        if self._outdated:  # the episode has ended in a step that was not drawn
            observation = self._game.state = self._render("state_pixels")
        return observation, reward, terminated, truncated, info

    def _render(self, mode: str) -> Any:
        """Replace the game's: leave out the observations that nobody sees."""
        if mode == "state_pixels":
            self._outdated = self._unseen > 0
            if self._outdated:
                self._unseen -= 1
                return self._game.state
        return self._game_render(mode)

    def _render_road(self, zoom: float, translation: tuple[float, float], angle: float) -> None:
        """Replace the game's: draw the ground, the grass and the road."""
        game, bounds = self._game, self._module.PLAYFIELD
        if self._road is not game.road_poly:  # a new one since the last reset
            self._road = game.road_poly
            self._road_corners = np.array([corners for corners, _ in self._road])
        field = [(bounds, bounds), (bounds, -bounds), (-bounds, -bounds), (-bounds, bounds)]
        view = zoom, translation, angle
        game._draw_colored_polygon(game.surf, field, game.bg_color, *view, clip=False)
        for index in self._in_window(self._grass, *view):
            game._draw_colored_polygon(game.surf, self._grass[index].tolist(), game.grass_color, *view)
        for index in self._in_window(self._road_corners, *view):
            corners, colour = self._road[index]
            game._draw_colored_polygon(game.surf, corners, [int(part) for part in colour], *view)

    def _in_window(self, corners: np.ndarray, zoom: float, translation: Any, angle: float) -> np.ndarray:
        """Return the indices of squares [n, 4, 2] in metres that touch the window, in their order."""
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = corners @ np.array([[cosine, sine], [-sine, cosine]])
        pixels = turned * zoom + np.asarray(translation)
        size = np.array([self._module.WINDOW_W, self._module.WINDOW_H])
        return np.flatnonzero(
            (pixels.max(axis=1) >= -MARGIN).all(axis=1) & (pixels.min(axis=1) <= size + MARGIN).all(axis=1)
        )


def is_car_racing(env: gym.Env) -> bool:
    """Return whether an environment is Gymnasium's CarRacing, of a version that has the methods used here."""
    game = env.unwrapped
    return type(game).__module__ == MODULE and all(hasattr(game, method) for method in USED)


def squares_of_grass(side: float) -> np.ndarray:
    """Return the corners of the 400 squares, [400, 4, 2], in the game's order."""
    corners = np.array([(side, 0), (0, 0), (0, side), (side, side)])
    return np.array([corners + np.array([side * x, side * y]) for x in range(-20, 20, 2) for y in range(-20, 20, 2)])
