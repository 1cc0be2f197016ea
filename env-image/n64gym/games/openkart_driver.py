"""A scripted driver that knows Open Kart's courses. Its lap times are the par times for trained agents.

python -m n64gym.games.openkart_driver prints them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from n64gym.games.openkart_line import Line, fastest_line
from n64gym.games.openkart_road import Road, read_road
from n64gym.games.openkart_telemetry import COURSES, FIXED, read_telemetry
from n64gym.machine.controller import DRIVING, STICK, A, stick_of
from n64gym.n64_env import VIS_PER_SECOND

BRAKE = next(index for index, action in enumerate(DRIVING) if action.name == "brake")
SEEDS = range(0, 10_000, 500)  # seeds of the generated courses to try
STEERING = {stick_of(action.word)[0]: index for index, action in enumerate(DRIVING) if action.word & A}
STICK_RATE = 8  # stick units per VI at which the front wheels follow the stick


class Style(NamedTuple):
    """How the driver drives. The values come from a random search over whole races on seven courses."""

    delay: float = 8.0  # VIs from an action to its effect
    near: float = 6.0  # the target point is `near` metres
    far: float = 0.28  # plus `far` seconds ahead
    brake_above: float = 0.3  # m/s above the limit
    steer_before: float = 55.0  # stick units: above this, turn the wheels before braking
    brake_anyway: float = 3.3  # m/s above the limit: brake without waiting for the wheels
    hold: float = 1.28  # times the tyres' grip: limits steering where the tyres hold less than full lock (ice)


class Driver:
    """Drives an Open Kart environment with discrete actions (`actions="discrete"`, the default).

    env: the environment, wrapped or not, with any `frameskip`.
    style: how it drives.
    """

    def __init__(self, env: Any, style: Style = Style()) -> None:  # noqa: B008 - it cannot change
        self._env = env.unwrapped
        self.style = style
        self._course: tuple[int, ...] = ()
        self._wheels = 0.0  # position of the front wheels, in stick units

    def plan(self) -> tuple[Road, Line]:
        """Return the road of the current course, and the line to drive on it."""
        road = read_road(self._env.emulator.rdram)
        return road, fastest_line(road)

    def __call__(self) -> int:
        """Return the action for the kart's current state, which must be taken next."""
        action = self.choose()
        self.turn(action)
        return action

    def turn(self, action: int) -> None:
        """Let the front wheels follow an action's stick for a step."""
        step, stick = STICK_RATE * self._env.frameskip, stick_of(DRIVING[action].word)[0]
        self._wheels += max(-step, min(step, stick - self._wheels))

    def choose(self) -> int:
        """Return the action for the kart's current state. `turn` must be called with the action that is taken."""
        rdram, skip = self._env.emulator.rdram, self._env.frameskip
        now = read_telemetry(rdram)
        if self._course != (course := (now.course, now.seed, now.mirror)):
            self._course, (self._road, self._line) = course, self.plan()
        if now.race_time < 2 * skip:
            self._wheels = 0.0
        style, speed = self.style, max(now.speed / FIXED / 3.6, 0.0)
        turning = max(self._road.tightest, speed * speed / self._road.turning)  # radius at full lock
        delay = style.delay / VIS_PER_SECOND
        heading = now.heading / FIXED * 2 * math.pi + delay * speed / turning * self._wheels / STICK
        x = now.x / FIXED + delay * speed * math.sin(heading)
        z = now.z / FIXED + delay * speed * math.cos(heading)
        place = now.race_progress / FIXED * len(self._line.points)
        most = STICK * min(1.0, style.hold * self._road.gripping / self._road.turning)
        wanted = turning * STICK * self._bend(x, z, heading, style.near + style.far * speed, place)
        wanted = max(-most, min(most, wanted))
        too_fast = speed - self._limit(place + (delay + skip / VIS_PER_SECOND / 2) * speed / self._road.spacing)
        wheels_are_ready = abs(wanted) < style.steer_before or abs(self._wheels) > style.steer_before
        if too_fast > style.brake_above and (wheels_are_ready or too_fast > style.brake_anyway):
            return BRAKE
        return STEERING[min(STEERING, key=lambda x: abs(x - wanted))]

    def _limit(self, place: float) -> float:
        """Return the line's speed limit at `place`, an index into the line's points."""
        speeds = self._line.speeds
        return float(np.interp(place % len(speeds), np.arange(len(speeds) + 1), np.append(speeds, speeds[0])))

    def _bend(self, x: float, z: float, heading: float, reach: float, place: float) -> float:
        """Return the curvature (1/m, positive to the right) of the circle from (x, z) to the line's point `reach`
        metres away: pure pursuit (R. C. Coulter, 1992)."""
        points = np.roll(self._line.points, -math.floor(place), 0) - (x, z)
        away = np.hypot(*points.T)
        far = 1 + int(np.argmax(away[1:] >= reach))
        part = min(1.0, max(0.0, (reach - away[far - 1]) / max(away[far] - away[far - 1], 0.1)))
        to_x, to_z = points[far - 1] + part * (points[far] - points[far - 1])
        angle = (math.atan2(to_x, to_z) - heading + math.pi) % (2 * math.pi) - math.pi
        sharp = math.copysign(1.0, angle) if abs(angle) > math.pi / 2 else math.sin(angle)
        return 2 * sharp / max(math.hypot(to_x, to_z), 0.1)


class Result(NamedTuple):
    """The result of a race."""

    finished: bool
    race_time: float  # seconds
    lap_times: tuple[float, ...]  # seconds


def drive(env: Any, **options: Any) -> Result:
    """Drive one race. `options` are those of the environment's reset."""
    _, info = env.reset(options=options)
    driver, over = Driver(env), False
    while not over:
        *_, terminated, truncated, info = env.step(driver())
        over = terminated or truncated
    return Result(info["finished"], info["race_time"], info["lap_times"])


def main() -> None:
    """Print the par times and the share of generated courses that the driver finishes."""
    with gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42)) as env:
        print("| Course | Best lap, s | Race, s |\n|---|---|---|")
        for course in COURSES[:-1]:
            result = drive(env, course=course)
            print(f"| {course} | {min(result.lap_times):.2f} | {result.race_time:.2f} |")
        results = [drive(env, course="generated", course_seed=seed) for seed in SEEDS]
    finished = [result for result in results if result.finished]
    mean = sum(min(result.lap_times) for result in finished) / len(finished)
    print(f"| generated, {len(finished)} of {len(results)} finished | {mean:.2f} (mean) | |")


if __name__ == "__main__":
    main()
