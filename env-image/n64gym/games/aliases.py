"""Environment ids with the exact names that gym-mupen64plus used.

env = gymnasium.make("Smash-mario-v0", rom="/path/to/smash.z64")

They give gym-mupen64plus' action spaces, opponents and rewards to the environments of this package. gym-mupen64plus had
discrete actions on one course only; here all sixteen courses have them."""

from __future__ import annotations

import gymnasium

from n64gym.games.smash_memory import PORTRAITS

COURSES = (  # spelled as gym-mupen64plus spells them
    "Luigi-Raceway",
    "Moo-Moo-Farm",
    "Koopa-Troopa-Beach",
    "Kalimari-Desert",
    "Toads-Turnpike",
    "Frappe-Snowland",
    "Choco-Mountain",
    "Mario-Raceway",
    "Wario-Stadium",
    "Sherbet-Land",
    "Royal-Raceway",
    "Bowsers-Castle",
    "DKs-Jungle-Parkway",
    "Yoshi-Valley",
    "BansheeBoardwalk",
    "Rainbow-Road",
)
ACTIONS = {"": "signed", "Discrete-": "discrete"}


def course_of(spelling: str) -> str:
    """Return this package's name of a course."""
    return {"BansheeBoardwalk": "banshee_boardwalk"}.get(spelling, spelling.lower().replace("-", "_"))


def register() -> None:
    """Register all of them."""
    for infix, actions in ACTIONS.items():
        arguments = {"actions": actions, "reward": "legacy"}
        for course in COURSES:
            gymnasium.register(
                f"Mario-Kart-{infix}{course}-v0",
                entry_point="n64gym.games.mariokart64:MarioKart64Env",
                kwargs={"course": course_of(course), **arguments},
            )
        for fighter in PORTRAITS:
            gymnasium.register(
                f"Smash-{infix}{fighter}-v0",
                entry_point="n64gym.games.smash:SmashEnv",
                kwargs={"character": fighter, "costume": "up", "opponent_costume": "left", **arguments},
            )
