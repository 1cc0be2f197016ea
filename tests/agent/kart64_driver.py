"""Drives the kart of Mario Kart 64's double, tests/roms/kart64."""

import math

from n64gym.games import mariokart64_memory as memory

STRAIGHT = 1  # index in controller.DRIVING


def to_point(env, ahead):
    """Return the action that steers the kart towards the path point `ahead` points beyond it
    (behind it if negative)."""
    ram = env.emulator.memory
    race = memory.read_race(ram)
    point = ram.u32[0x80164550] + 8 * ((race.path_point + ahead) % race.path_points)
    dx, dz = ram.s16[point] - race.position[0], ram.s16[point + 4] - race.position[2]
    heading = -ram.s16[memory.SYMBOLS["gPlayers"] + 0x2E] * math.tau / 65536
    error = math.degrees(math.remainder(math.atan2(dx, -dz) - heading, math.tau))
    bends = sum(abs(error) > limit for limit in (3, 8, 15, 25))
    return STRAIGHT if not bends else (3 if error < 0 else 7) + bends
