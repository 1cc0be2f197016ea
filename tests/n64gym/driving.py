"""A crude driver for tests that need a race driven."""

STRAIGHT, BRAKE = 1, 2  # of the discrete actions


def steer_home(info):
    """A crude driver: the stick against the error of heading and of place on the road; slower where it is large."""
    error = -info["heading_error"] - 25 * info["lateral"]
    if abs(error) > 60 and info["speed"] > 40:
        return BRAKE
    bends = sum(abs(error) > limit for limit in (4, 8, 15, 25))
    return STRAIGHT if not bends else (7 if error > 0 else 3) + bends
