"""What is told about a finished episode."""

from typing import NamedTuple


class Episode(NamedTuple):
    """One finished episode."""

    total_reward: float
    length: int  # environment steps
    metrics: dict[str, float]  # the environment's own figures, charted as env/<name>


def lap_times(episode: Episode) -> list[float]:
    """Return the times of an episode's whole laps in seconds, in their order."""
    named = [episode.metrics.get(f"lap_{n}_s") for n in range(1, len(episode.metrics) + 1)]
    return [seconds for seconds in named if seconds is not None]
