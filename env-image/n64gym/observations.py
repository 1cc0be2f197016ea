"""The observations of an environment: a picture or RDRAM, and optionally a vector of telemetry."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from n64gym.machine.emulator import Emulator, ObservationFormat
from n64gym.machine.shared import LARGEST, RDRAM_BYTES

CHANNELS = {"grayscale": 1, "rgb": 3}
BOUND = 100.0  # of telemetry in the space; most values are between -1 and 1


class ObservationBuilder:
    """Makes observations of one kind.

    A picture or RDRAM alone, or Dict(picture=…, telemetry=float32 [N]) if there are `telemetry_names`.
    """

    def __init__(
        self,
        obs_type: str,
        size: tuple[int, int] | None,
        crop: tuple[int, int, int, int] | None,
        native_size: tuple[int, int],
        telemetry_names: tuple[str, ...],
        keep_dim: bool = False,
    ) -> None:
        if obs_type not in (*CHANNELS, "ram"):
            raise ValueError(f'obs_type is {obs_type!r}; expected "rgb", "grayscale" or "ram"')
        if crop is not None and not (len(crop) == 4 and min(crop) >= 0 and min(crop[2:]) > 0):
            raise ValueError(f"crop is {crop}; expected (top, left, height, width) in the game's own pixels")
        height, width = size or (crop[2:] if crop else native_size)
        if not (1 <= height <= LARGEST[0] and 1 <= width <= LARGEST[1]):
            raise ValueError(f"size is {(height, width)}; expected (height, width) up to {LARGEST}")
        self.format: ObservationFormat | None = None
        shape: tuple[int, ...] = (RDRAM_BYTES,)
        if obs_type != "ram":
            self.format = ObservationFormat(height, width, CHANNELS[obs_type], crop)
            shape = (height, width, CHANNELS[obs_type]) if obs_type == "rgb" or keep_dim else (height, width)
        self._shape = shape
        self.space: spaces.Space = spaces.Box(0, 255, shape, np.uint8)
        self.last: Any = np.zeros(shape, np.uint8)
        self.with_telemetry = bool(telemetry_names)
        if self.with_telemetry:
            vector = spaces.Box(-BOUND, BOUND, (len(telemetry_names),), np.float32)
            self.space = spaces.Dict({"picture": self.space, "telemetry": vector})
            self.last = {"picture": self.last, "telemetry": np.zeros(vector.shape, np.float32)}

    def make(self, emulator: Emulator, telemetry: list[float] | None) -> Any:
        """Return a new observation of the emulator's present state."""
        if emulator.observation is None:
            picture = emulator.rdram.byteswap().view(np.uint8)
        else:
            picture = emulator.observation.copy().reshape(self._shape)
        self.last = picture
        if self.with_telemetry:
            self.last = {"picture": picture, "telemetry": np.array(telemetry, np.float32).clip(-BOUND, BOUND)}
        return self.last

    def repeat(self) -> Any:
        """Return a copy of the last observation, for use when the emulator has died."""
        if self.with_telemetry:
            self.last = {name: part.copy() for name, part in self.last.items()}
        else:
            self.last = self.last.copy()
        return self.last
