"""What all N64 environments share: one emulator, pictures as observations, a start state loaded at every reset, and an
emulator that is replaced when it dies.

A game's environment says how its actions become controller words, how the start is reached, and what a step was worth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from n64gym.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.shared import RDRAM_BYTES
from n64gym.state import State
from n64gym.window import Window

VIS_PER_SECOND = 60
STARTS_TRIED = 3  # emulators started in a row before reset gives up
CHANNELS = {"grayscale": 1, "rgb": 3}


class Outcome(NamedTuple):
    """What a step was worth."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class N64Env(gymnasium.Env[NDArray[np.uint8], Any], ABC):
    """A game on one emulator.

    rom: path. obs_type: "rgb" uint8 [H, W, 3], "grayscale" uint8 [H, W] or "ram" uint8 [8388608] (RDRAM, big endian).
    size: (H, W) of picture observations, the game's own if None; each pixel is the mean of the area that it covers.
    frameskip: VIs a step (60 a second). noop_max: reset idles a random 0 to noop_max VIs, drawn from the seed.
    video: None, or the real video plugin ("glide64mk2", "rice") for a ROM that draws with the GPU.
    timeout: seconds after which an emulator that does not answer is replaced.
    Raises RomError, EmulatorError, ValueError.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium's name for it, replaced and never changed
        "render_modes": ["rgb_array", "human"],
        "render_fps": VIS_PER_SECOND,
    }
    native_size = (240, 320)

    def __init__(
        self,
        rom: str | Path,
        *,
        obs_type: str = "rgb",
        size: tuple[int, int] | None = None,
        frameskip: int = 4,
        render_mode: str | None = None,
        noop_max: int = 0,
        video: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        if obs_type not in (*CHANNELS, "ram"):
            raise ValueError(f'obs_type is {obs_type!r}; expected "rgb", "grayscale" or "ram"')
        if frameskip < 1:
            raise ValueError(f"frameskip is {frameskip}; expected the number of VIs a step, 1 or more")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}; expected None, "rgb_array" or "human"')
        height, width = size or self.native_size
        if not (1 <= height <= 768 and 1 <= width <= 1024):
            raise ValueError(f"size is {(height, width)}; expected (height, width) up to (768, 1024)")
        self.render_mode = render_mode
        self.frameskip = frameskip
        self.metadata = {**self.metadata, "render_fps": VIS_PER_SECOND / frameskip}
        self._format: ObservationFormat | None = None
        shape: tuple[int, ...] = (RDRAM_BYTES,)
        if obs_type != "ram":
            self._format = ObservationFormat(height, width, CHANNELS[obs_type])
            shape = (height, width, 3) if obs_type == "rgb" else (height, width)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self._last_observation = np.zeros(shape, np.uint8)
        self._emulator_settings = {"rom": rom, "video": video, "timeout": timeout}
        self._noop_max = noop_max
        self._begun = False
        self._state: State | None = None
        self._window: Window | None = None
        self._start_vi = self._start_read = 0
        self.emulator_restarts = 0
        self._emulator: Emulator | None = None
        self._emulator = self._start_emulator()

    # What a game adds.

    @abstractmethod
    def _word(self, action: Any) -> int:
        """The controller word of `action`."""

    def _go_to_start(self, emulator: Emulator) -> None:
        """Bring a freshly started game to where episodes begin; raises RomError if this is another game."""

    @abstractmethod
    def _begin_episode(self, emulator: Emulator) -> dict[str, Any]:
        """The game is at its start: forget the last episode; returns the info of reset."""

    @abstractmethod
    def _judge(self, emulator: Emulator) -> Outcome:
        """What the step that has just ended was worth."""

    # Gymnasium's interface.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Load the start state. The same seed begins with the same observation."""
        super().reset(seed=seed)
        noops = int(self.np_random.integers(self._noop_max + 1)) if self._noop_max else 0
        for tries_left in reversed(range(STARTS_TRIED)):
            try:
                emulator = self._emulator or self._start_emulator()
                if self._begun:
                    self._begun = False
                    emulator.step_wait()
                if self._state is None:
                    self._go_to_start(emulator)
                    self._state = emulator.save_state()
                emulator.load_state(self._state)
                self._start_vi, self._start_read = emulator.vi_count, emulator.controller_reads
                emulator.step(1 + noops)  # observations are made by steps; at least one VI lets the picture follow
                info = self._begin_episode(emulator) | {"start_noops": noops}
                break
            except EmulatorError:
                self._lose_emulator()
                self._state = None  # it may be what is wrong
                if not tries_left:
                    raise
        self._last_observation = self._observe(emulator)
        self._show()
        return self._last_observation, info | self._counts()

    def begin_step(self, action: Any) -> None:
        """Let the emulator run ahead with `action`; the next `step`, given the same action, only waits for it.

        So several environments can step side by side, whatever wrappers stand around them.
        """
        if self._emulator is None or self._begun:
            return  # step reports what is wrong
        self._emulator.step_async(self.frameskip, self._word(action))
        self._begun = True

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold `action` for `frameskip` VIs. An emulator that dies ends the episode as truncated."""
        self.begin_step(action)
        self._begun = False
        try:
            if self._emulator is None:
                raise EmulatorError("the emulator has died; call reset")
            self._emulator.step_wait()
            outcome = self._judge(self._emulator)
            self._last_observation = self._observe(self._emulator)
        except EmulatorError as error:
            self._lose_emulator()
            self._last_observation = self._last_observation.copy()
            metrics = {"emulator_restarts": float(self.emulator_restarts)}
            outcome = Outcome(0.0, False, True, {"emulator_error": str(error), "metrics": metrics})
        self._show()
        return (
            self._last_observation,
            outcome.reward,
            outcome.terminated,
            outcome.truncated,
            outcome.info | self._counts(),
        )

    def render(self) -> NDArray[np.uint8] | None:
        """The picture as the game shows it, uint8 [height, width, 3], in mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        if self._emulator is None or self._begun:
            return np.zeros((*self.native_size, 3), np.uint8)
        return self._emulator.frame()

    def close(self) -> None:
        """End the emulator."""
        if self._emulator is not None:
            self._emulator.close()
            self._emulator = None
        if self._window is not None:
            self._window.close()
            self._window = None

    # The emulator.

    @property
    def emulator(self) -> Emulator | None:
        """The running emulator; None between its death and the next reset."""
        return self._emulator

    def _start_emulator(self) -> Emulator:
        self._emulator = Emulator(observation=self._format, **self._emulator_settings)  # type: ignore[arg-type]
        return self._emulator

    def _lose_emulator(self) -> None:
        """The emulator is dead or useless: the next reset starts another."""
        if self._emulator is not None:
            self._emulator.close()
            self._emulator = None
            self.emulator_restarts += 1

    def _observe(self, emulator: Emulator) -> NDArray[np.uint8]:
        if emulator.observation is None:
            return emulator.rdram.byteswap().view(np.uint8)
        return emulator.observation.copy()

    def _counts(self) -> dict[str, Any]:
        """VIs and controller reads since the start state; emulators replaced since the environment was made."""
        counts: dict[str, Any] = {"emulator_restarts": self.emulator_restarts}
        if self._emulator is not None:
            counts["vis"] = self._emulator.vi_count - self._start_vi
            counts["controller_reads"] = self._emulator.controller_reads - self._start_read
        return counts

    def _show(self) -> None:
        if self.render_mode == "human" and self._emulator is not None:
            if self._window is None:
                self._window = Window("n64gym")
            self._window.show(self._emulator.frame, self.metadata["render_fps"])
