"""A road from above, for maps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RoadEdges(NamedTuple):
    """A closed road, its edges place for place, the first on the start line; units as in the game's `position`."""

    left: NDArray[np.float64]  # to the right and up on a map [N, 2]
    right: NDArray[np.float64]  # [N, 2]
