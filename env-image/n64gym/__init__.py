"""n64gym: Nintendo 64 games as Gymnasium environments, stepped in lockstep on mupen64plus.

import gymnasium, n64gym
env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium

from n64gym.checkup.finding import Finding, FindingState
from n64gym.checkup.rom import Checked, check_emulator, check_rom
from n64gym.episode import Outcome, Snapshot, StartError
from n64gym.files import TEMPORARY
from n64gym.game_folder.files import read_game_files
from n64gym.game_folder.model import GameFile
from n64gym.game_folder.reader import read_game
from n64gym.game_folder.table import GameError
from n64gym.game_folder.writer import write_game
from n64gym.games import aliases
from n64gym.games.game_env import make_game
from n64gym.integration.commands import SessionCommands
from n64gym.integration.session import Session
from n64gym.integration.window import SessionWindow
from n64gym.machine.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.machine.rom import Rom, RomError, open_rom
from n64gym.machine.saves import read_saves
from n64gym.machine.state import State
from n64gym.movies.demonstrator import Demonstrator
from n64gym.movies.facts import read_facts
from n64gym.movies.m64 import M64, MovieError
from n64gym.movies.meant import meant
from n64gym.movies.playback import Playback, demonstrations
from n64gym.movies.record import RecordMovie
from n64gym.movies.track import Track, track
from n64gym.movies.verify import RefusedError, Verified, verify
from n64gym.n64_env import N64Env
from n64gym.polish.polisher import Polisher
from n64gym.polish.search import SearchStoppedError
from n64gym.road import RoadEdges

if TYPE_CHECKING:
    from n64gym.parallel import ParallelGame

__all__ = [
    "M64",
    "TEMPORARY",
    "Checked",
    "Demonstrator",
    "Emulator",
    "EmulatorError",
    "Finding",
    "FindingState",
    "GameError",
    "GameFile",
    "MovieError",
    "N64Env",
    "ObservationFormat",
    "Outcome",
    "Playback",
    "Polisher",
    "RecordMovie",
    "RefusedError",
    "RoadEdges",
    "Rom",
    "RomError",
    "SearchStoppedError",
    "Session",
    "SessionCommands",
    "SessionWindow",
    "Snapshot",
    "StartError",
    "State",
    "Track",
    "Verified",
    "check_emulator",
    "check_rom",
    "demonstrations",
    "make_game",
    "meant",
    "open_rom",
    "parallel_env",
    "read_facts",
    "read_game",
    "read_game_files",
    "read_saves",
    "track",
    "verify",
    "write_game",
]


def parallel_env(env: str | gymnasium.Env[Any, Any], **settings: Any) -> ParallelGame:
    """Return a PettingZoo environment with one player for each controller.

    env: the id of an N64 environment, made with `settings` (`controllers=2`), or an environment made already, in
    wrappers such as RecordMovie. Raises ImportError without the package pettingzoo.
    """
    from n64gym.parallel import ParallelGame

    return ParallelGame(gymnasium.make(env, **settings) if isinstance(env, str) else env)


for name, game, vector in (
    ("OpenKart-v0", "openkart:OpenKartEnv", "open_kart"),
    ("MarioKart64-v0", "mariokart64:MarioKart64Env", "mario_kart_64"),
    ("SuperSmashBros-v0", "smash:SmashEnv", "super_smash_bros"),
    ("Rom-v0", "rom_env:RomEnv", "rom"),
    ("Game-v0", "game_env:GameEnv", "game"),
):
    gymnasium.register(
        f"n64gym/{name}",
        entry_point=f"n64gym.games.{game}",
        vector_entry_point=f"n64gym.vector:{vector}",
        disable_env_checker=True,  # the tests check the environments; a wrapper would slow every step
    )
aliases.register()
