"""The state of a race, and the reward terms of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LEGACY_CHECKPOINTS = 927  # checkpoints per lap in gym-mupen64plus, which sampled the game's progress border
LEGACY_STEPS = 1250  # a race with fewer steps earns more than the plain reward for finishing


class RaceStatus(NamedTuple):
    """The state of a race at one moment."""

    progress: float  # laps since the start line; negative before it, falls when driving back
    lap: int  # completed
    laps: int  # of the race
    speed: float  # km/h
    place: int  # 1 is first
    karts: int  # in the race
    wrong_way: bool
    off_road: bool
    collisions: int  # since the race began
    finished: bool
    race_time: float  # seconds of game time since the race began
    lap_times: tuple[float, ...]  # seconds per completed lap, without a lap that began in its middle


@dataclass(slots=True)
class RaceStep:
    """The data from which the reward of a step is computed. One object is reused for all steps of an episode."""

    before: RaceStatus
    now: RaceStatus
    furthest: RaceStatus  # the state with the greatest progress before the step
    seconds: float  # game time of the step
    time_limit: float  # seconds
    steps: int = 0  # steps of the episode, with this one
    stick_moved: float = 0.0  # movement of the stick in the step, 1 = from end to end


Term = Callable[[RaceStep], float]


def finished(step: RaceStep) -> bool:
    """Return 1 if the race ended in this step, else 0."""
    return step.now.finished and not step.before.finished


def lap(step: RaceStep) -> bool:
    """Return 1 if a lap ended in this step but the race did not, else 0."""
    return step.now.lap > step.before.lap and not finished(step)


def checkpoint(step: RaceStep) -> bool:
    """Return 1 if a new checkpoint (1/927 lap) was reached, but no lap or race ended; else 0."""
    new = int(step.now.progress * LEGACY_CHECKPOINTS) > int(step.furthest.progress * LEGACY_CHECKPOINTS)
    return new and not lap(step) and not finished(step)


def backwards(step: RaceStep) -> bool:
    """Return 1 if the kart moved back by a checkpoint or more, else 0."""
    return int(step.now.progress * LEGACY_CHECKPOINTS) < int(step.before.progress * LEGACY_CHECKPOINTS)


def uneventful(step: RaceStep) -> bool:
    """Return 1 if none of these four terms applies, else 0."""
    return not (finished(step) or lap(step) or checkpoint(step) or backwards(step))


def progress(step: RaceStep) -> float:
    """Return the progress in the step, in laps."""
    return step.now.progress - step.before.progress


def place(step: RaceStep) -> int:
    """Return the number of places gained."""
    return step.before.place - step.now.place


def seconds_left(step: RaceStep) -> float:
    """Return the seconds left of the time limit when the race ends, else 0."""
    return max(0.0, step.time_limit - step.now.race_time) if finished(step) else 0.0


def steps_left(step: RaceStep) -> int:
    """Return the steps left of gym-mupen64plus' 1250 when the race ends, else 0. Negative after more steps."""
    return LEGACY_STEPS - step.steps if finished(step) else 0


def time(step: RaceStep) -> float:
    """Return the seconds of the step."""
    return step.seconds


def wrong_way(step: RaceStep) -> float:
    """Return the seconds in the wrong direction."""
    return step.seconds * step.now.wrong_way


def off_road(step: RaceStep) -> float:
    """Return the seconds off the road."""
    return step.seconds * step.now.off_road


def collisions(step: RaceStep) -> int:
    """Return the number of collisions with walls and karts."""
    return step.now.collisions - step.before.collisions


def jerk(step: RaceStep) -> float:
    """Return the movement of the stick, 0 to 1."""
    return step.stick_moved


# The terms are functions, not lambdas, so that an environment can be pickled.
OBJECTIVES: dict[str, Term] = {  # added to the reward
    "progress": progress,
    "lap": lap,
    "checkpoint": checkpoint,
    "place": place,
    "finish": finished,
    "seconds_left": seconds_left,
    "steps_left": steps_left,
}
COSTS: dict[str, Term] = {  # subtracted from the reward
    "time": time,
    "wrong_way": wrong_way,
    "off_road": off_road,
    "collisions": collisions,
    "jerk": jerk,
    "uneventful": uneventful,
    "backwards": backwards,
}
PRESETS: dict[str, dict[str, float]] = {
    # Without `finish`, an agent learns to stop before the last line: finishing ends the episode and all future reward.
    "progress": {"progress": 100.0, "finish": 100.0},
    "time": {"seconds_left": 1.0},
    # gym-mupen64plus' weights
    "legacy": {
        "lap": 100.0,
        "checkpoint": 0.5,
        "finish": 1000.0,
        "steps_left": 5.0,
        "uneventful": 0.1,
        "backwards": 1.0,
    },
}
