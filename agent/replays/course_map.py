"""A map of a course: a picture of the road, and the pixel of each place on the course."""

import cv2
import numpy as np

from n64gym import RoadEdges

GROUND, ASPHALT, LINE, START = (30, 34, 42), (84, 90, 102), (150, 156, 168), (255, 255, 255)
SUBPIXEL = 4  # fractional bits of the coordinates given to OpenCV


class CourseMap:
    """A course, drawn as large as the picture allows.

    Args:
        road: the road's edges; None = unknown.
        places: places to fit into the map if the road is unknown, [N, 2], x to the right and y up.
        width: of the picture, pixels.
        height: of the picture, pixels.
        margin: around the course, pixels.
    """

    def __init__(self, road: RoadEdges | None, places: np.ndarray, width: int, height: int, margin: int = 20) -> None:
        around = np.concatenate(road or [places])
        low, high = around.min(0), around.max(0)
        room, size = np.array([width, height]) - 2 * margin, np.maximum(high - low, 1e-6)
        self.scale = float((room / size).min())
        self._middle, self._screen = (low + high) / 2, np.array([width / 2, height / 2])
        self.picture = np.full((height, width, 3), GROUND, np.uint8)
        """uint8 RGB [height, width, 3]."""
        if road is None:
            return
        left, right = road
        for at in range(len(left)):  # one polygon for each piece, because a course may cross itself
            after = (at + 1) % len(left)
            piece = np.stack([left[at], left[after], right[after], right[at]])
            cv2.fillPoly(self.picture, [self._fixed(piece)], ASPHALT, cv2.LINE_AA, SUBPIXEL)
        for edge in (left, right):
            cv2.polylines(self.picture, [self._fixed(edge)], True, LINE, 1, cv2.LINE_AA, SUBPIXEL)
        self.line(self.picture, np.stack([left[0], right[0]]), START, 3)

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """Turn places, [N, 2], x to the right and y up, into pixels from left and top, [N, 2]."""
        return self._screen + (places - self._middle) * self.scale * (1.0, -1.0)

    def line(self, picture: np.ndarray, places: np.ndarray, colour: tuple[int, int, int], width: int = 1) -> None:
        """Draw a line through places, [N, 2], into a picture of the map's size."""
        cv2.polylines(picture, [self._fixed(places)], False, colour, width, cv2.LINE_AA, SUBPIXEL)

    def dot(self, picture: np.ndarray, place: np.ndarray, colour: tuple[int, int, int], radius: int = 6) -> None:
        """Draw a kart at a place [2]."""
        at = self._fixed(place[None])[0].tolist()
        for size, fill in ((radius + 1.5, (0, 0, 0)), (radius, colour)):
            cv2.circle(picture, at, round(size * (1 << SUBPIXEL)), fill, -1, cv2.LINE_AA, SUBPIXEL)

    def _fixed(self, places: np.ndarray) -> np.ndarray:
        return np.round(self.pixels(places) * (1 << SUBPIXEL)).astype(np.int32)
