"""n64gym: Nintendo 64 games as Gymnasium environments, stepped in lockstep on mupen64plus.

import gymnasium, n64gym
env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84))
"""

import gymnasium

from n64gym import aliases, vector
from n64gym.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.m64 import MovieError
from n64gym.movie import RecordMovie
from n64gym.playback import Playback, demonstrations
from n64gym.rom import Rom, RomError, open_rom
from n64gym.state import State

__all__ = [
    "Emulator",
    "EmulatorError",
    "MovieError",
    "ObservationFormat",
    "Playback",
    "RecordMovie",
    "Rom",
    "RomError",
    "State",
    "demonstrations",
    "open_rom",
]

for name, game in {
    "OpenKart-v0": "openkart:OpenKartEnv",
    "MarioKart64-v0": "mariokart64:MarioKart64Env",
    "SuperSmashBros-v0": "smash:SmashEnv",
    "Rom-v0": "rom_env:RomEnv",
}.items():
    gymnasium.register(
        f"n64gym/{name}", entry_point=f"n64gym.{game}", vector_entry_point=vector.entry_point(f"n64gym/{name}")
    )
aliases.register()
