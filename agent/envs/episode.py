"""What an environment batch reports about a finished episode."""

from typing import NamedTuple

# Limits of an episode's figures. Sums and squares of a hundred such numbers stay finite.
MAX_METRICS = 64  # of one episode
MAX_NAME = 64  # characters of a metric's name
LARGEST = 1e30  # reward or metric
MAX_LENGTH = 1 << 40  # environment steps


class Episode(NamedTuple):
    """One finished episode."""

    total_reward: float
    length: int  # environment steps
    metrics: dict[str, float]  # the environment's own figures, charted as env/<name>
