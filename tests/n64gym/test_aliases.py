"""The ids of n64gym's predecessors are aliases for its environments."""

import gymnasium
import pytest

from n64gym.games.aliases import course_of
from n64gym.games.mariokart64_memory import COURSES
from n64gym.games.smash_memory import FIGHTERS

MARIO_KART = (  # in the order of the cups
    "Luigi-Raceway", "Moo-Moo-Farm", "Koopa-Troopa-Beach", "Kalimari-Desert",
    "Toads-Turnpike", "Frappe-Snowland", "Choco-Mountain", "Mario-Raceway",
    "Wario-Stadium", "Sherbet-Land", "Royal-Raceway", "Bowsers-Castle",
    "DKs-Jungle-Parkway", "Yoshi-Valley", "BansheeBoardwalk", "Rainbow-Road",
)  # fmt: skip


@pytest.mark.parametrize(("infix", "actions"), [("", "signed"), ("Discrete-", "discrete")])
def test_all_aliases_are_registered(infix, actions):
    for course in MARIO_KART:
        spec = gymnasium.spec(f"Mario-Kart-{infix}{course}-v0")
        assert spec.kwargs == {"course": course_of(course), "actions": actions, "reward": "legacy"}
    for fighter in FIGHTERS:
        spec = gymnasium.spec(f"Smash-{infix}{fighter}-v0")
        assert (spec.kwargs["character"], spec.kwargs["actions"]) == (fighter, actions)


def test_every_course_has_an_alias():
    assert [course_of(course) for course in MARIO_KART] == list(COURSES)


@pytest.mark.parametrize(
    ("alias", "space"), [("Smash-mario-v0", "MultiDiscrete"), ("Smash-Discrete-jigglypuff-v0", "Discrete")]
)
def test_a_smash_alias_sets_fighter_and_reward(rom, alias, space):
    with gymnasium.make(alias, rom=rom("smash64"), check_rom=False, video=None) as env:
        assert type(env.action_space).__name__ == space
        _, info = env.reset()
        setup = info["setup"]
        assert setup["character"] == env.spec.kwargs["character"]
        assert (setup["opponent"], setup["stage"], setup["mode"], setup["items"]) == ("dk", "dream_land", "time", "off")
        assert set(env.step(env.action_space.sample())[4]["reward_terms"]) == {
            "damage_dealt", "damage_taken", "kill", "death", "idle",
        }  # fmt: skip


@pytest.mark.parametrize("alias", ["Mario-Kart-Luigi-Raceway-v0", "Mario-Kart-Discrete-Rainbow-Road-v0"])
def test_a_mario_kart_alias_sets_course_and_reward(rom, alias):
    with gymnasium.make(alias, rom=rom("kart64"), check_rom=False, video=None) as env:
        _, info = env.reset()
        assert info["setup"]["course"] == env.spec.kwargs["course"]
        assert env.step(env.action_space.sample())[1] == pytest.approx(-0.1)


@pytest.mark.parametrize("alias", ["Mario-Kart-Discrete-Luigi-Raceway-v0", "Smash-luigi-v0"])
def test_an_alias_without_a_rom_is_refused(alias):
    with pytest.raises(ValueError, match=r"needs the ROM file.*rom="):
        gymnasium.make(alias)
