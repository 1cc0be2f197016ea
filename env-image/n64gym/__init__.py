"""n64gym: Nintendo 64 games as Gymnasium environments, stepped in lockstep on mupen64plus.

import gymnasium, n64gym
env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84))
"""

import gymnasium

from n64gym.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.rom import Rom, RomError, open_rom
from n64gym.state import State

__all__ = ["Emulator", "EmulatorError", "ObservationFormat", "Rom", "RomError", "State", "open_rom"]

gymnasium.register("n64gym/OpenKart-v0", entry_point="n64gym.openkart:OpenKartEnv")
gymnasium.register("n64gym/Rom-v0", entry_point="n64gym.rom_env:RomEnv")
