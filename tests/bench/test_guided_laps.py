"""The search for fast races close to what a policy drives."""

import guided_laps
import gymnasium
import pytest
from guided_laps import Guided
from programs import ROOT
from search_laps import SMALL, host_env

from a3c64.policy.policy_file import find

SEED, WINDOWS = 2, 4


@pytest.fixture
def guided(monkeypatch):
    monkeypatch.setattr(guided_laps, "TRIED_AT_ONCE", 4)
    guided = Guided(find(ROOT / guided_laps.MEADOW_POLICY), SEED)
    yield guided
    guided.close()


def test_all_games_drive_the_actions_that_were_found(guided):
    found = [guided.window() for _ in range(WINDOWS)]
    driven = [action for actions, _ in found for action in actions]
    assert len(driven) == WINDOWS * guided_laps.WINDOW
    places = {env.position(env.emulator) for env in guided.envs}
    assert len(places) == 1
    env = gymnasium.make(host_env.ENV_ID, **SMALL, noop_max=30).unwrapped
    env.reset(seed=SEED)
    for action in driven:
        *_, info = env.step(action)
    assert {env.position(env.emulator)} == places
    assert info["progress"] == found[-1][1]["progress"] > 0
    env.close()
