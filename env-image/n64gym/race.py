"""A race: where it stands, and what a step of it is worth, term by term."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LEGACY_CHECKPOINTS = 927  # a lap, along Mario Kart 64's progress border as gym-mupen64plus sampled it
LEGACY_STEPS = 1250  # a race that takes fewer steps earns more than the plain reward for finishing


class RaceStatus(NamedTuple):
    """A moment of a race."""

    progress: float  # laps along the course since the start line; negative before it, falls when driving back
    lap: int  # completed
    laps: int  # of the race
    speed: float  # km/h
    place: int  # 1 is first
    karts: int  # in the race
    wrong_way: bool
    off_road: bool
    collisions: int  # since the start
    finished: bool
    race_time: float  # seconds of the game's time since the start
    lap_times: tuple[float, ...]  # seconds, of the whole laps completed: not of one begun in the middle


@dataclass(slots=True)
class RaceStep:
    """What a step is judged by; one object serves all steps of an episode."""

    before: RaceStatus
    now: RaceStatus
    furthest: RaceStatus  # where progress was greatest before the step
    seconds: float  # that the step took, of the game's time
    time_limit: float  # seconds
    steps: int = 0  # of the episode, this one included
    stick_moved: float = 0.0  # 0 to 1, from end to end


Term = Callable[[RaceStep], float]


def finished(step: RaceStep) -> bool:
    """The race ended in this step."""
    return step.now.finished and not step.before.finished


def lap(step: RaceStep) -> bool:
    """A lap ended in this step, but not the race."""
    return step.now.lap > step.before.lap and not finished(step)


def checkpoint(step: RaceStep) -> bool:
    """Another 927th of a lap was reached for the first time, and nothing greater happened."""
    new = int(step.now.progress * LEGACY_CHECKPOINTS) > int(step.furthest.progress * LEGACY_CHECKPOINTS)
    return new and not lap(step) and not finished(step)


def backwards(step: RaceStep) -> bool:
    """The step led back by a checkpoint or more."""
    return int(step.now.progress * LEGACY_CHECKPOINTS) < int(step.before.progress * LEGACY_CHECKPOINTS)


def uneventful(step: RaceStep) -> bool:
    """Nothing of all that."""
    return not (finished(step) or lap(step) or checkpoint(step) or backwards(step))


def progress(step: RaceStep) -> float:
    """Laps' worth of way."""
    return step.now.progress - step.before.progress


def place(step: RaceStep) -> int:
    """Places gained."""
    return step.before.place - step.now.place


def seconds_left(step: RaceStep) -> float:
    """Of the time limit, when the race ends."""
    return max(0.0, step.time_limit - step.now.race_time) if finished(step) else 0.0


def steps_left(step: RaceStep) -> int:
    """Of gym-mupen64plus' 1250, when the race ends; negative after more."""
    return LEGACY_STEPS - step.steps if finished(step) else 0


def time(step: RaceStep) -> float:
    """Seconds."""
    return step.seconds


def wrong_way(step: RaceStep) -> float:
    """Seconds."""
    return step.seconds * step.now.wrong_way


def off_road(step: RaceStep) -> float:
    """Seconds."""
    return step.seconds * step.now.off_road


def collisions(step: RaceStep) -> int:
    """With walls and karts."""
    return step.now.collisions - step.before.collisions


def jerk(step: RaceStep) -> float:
    """How far the stick was moved, 0 to 1."""
    return step.stick_moved


# The terms are functions of this module rather than lambdas, so that an environment can be pickled.
OBJECTIVES: dict[str, Term] = {  # granted by the environment
    "progress": progress,
    "lap": lap,
    "checkpoint": checkpoint,
    "place": place,
    "finish": finished,
    "seconds_left": seconds_left,
    "steps_left": steps_left,
}
COSTS: dict[str, Term] = {  # paid by the agent
    "time": time,
    "wrong_way": wrong_way,
    "off_road": off_road,
    "collisions": collisions,
    "jerk": jerk,
    "uneventful": uneventful,
    "backwards": backwards,
}
PRESETS: dict[str, dict[str, float]] = {
    # Without `finish`, an agent that values the way still ahead learns to stop short of the last line, where all ends.
    "progress": {"progress": 100.0, "finish": 100.0},
    "time": {"seconds_left": 1.0},
    # gym-mupen64plus' numbers
    "legacy": {
        "lap": 100.0,
        "checkpoint": 0.5,
        "finish": 1000.0,
        "steps_left": 5.0,
        "uneventful": 0.1,
        "backwards": 1.0,
    },
}
