"""A wrapper that films an environment: it writes every picture to a video, at the environment's frame rate."""

from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.play.video import Video

HEIGHT = 480  # pixels; smaller pictures are enlarged by a whole factor
FPS = 30.0  # of environments without render_fps


class Camera(gym.Wrapper):
    """Films an environment with render_mode "rgb_array": one frame for each reset and one for each step.

    Raises:
        BadInputError: the environment cannot render a picture.
    """

    def __init__(self, env: gym.Env, video: Video) -> None:
        super().__init__(env)
        self._video = video
        video.fps = float(env.metadata.get("render_fps") or FPS)
        self._start: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode. The first step writes its first picture, so that an unplayed episode is not filmed."""
        begun = self.env.reset(seed=seed, options=options)
        self._start = self._picture()
        return begun

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and write the picture after it."""
        if self._start is not None:
            self._video.write(self._start)
            self._start = None
        outcome = self.env.step(action)
        self._video.write(self._picture())
        return outcome

    def _picture(self) -> np.ndarray:
        name = self.env.spec.id if self.env.spec else type(self.env.unwrapped).__name__
        try:
            picture = self.env.render()
        except Exception as error:  # render() of any environment may raise anything
            raise BadInputError(f"--mp4: {name} cannot be drawn: {' '.join(str(error).split())}") from error
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.shape[2:] not in ((), (3,)):
            found = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
            raise BadInputError(f"--mp4: {name}.render() gave {found}, expected a picture, uint8 [height, width, 3]")
        return frame(picture)


def frame(picture: np.ndarray) -> np.ndarray:
    """Return a picture, uint8 [H, W] or [H, W, 3], as a frame: enlarged if it is small, with even sides."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    times = -(-HEIGHT // picture.shape[0])
    picture = picture.repeat(times, axis=0).repeat(times, axis=1)
    return np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
