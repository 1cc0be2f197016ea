"""What is told about a finished episode."""

from typing import NamedTuple


class Episode(NamedTuple):
    """One finished episode."""

    total_reward: float
    length: int  # environment steps
    metrics: dict[str, float]  # the environment's own figures, charted as env/<name>
