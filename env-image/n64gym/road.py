"""A road from above, for maps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RoadEdges(NamedTuple):
    """A closed road as pairs of edge points. The first pair is on the start line. Units are those of the game's
    `position`."""

    left: NDArray[np.float64]  # x (right) and y (up) on a map [N, 2]
    right: NDArray[np.float64]  # [N, 2]
