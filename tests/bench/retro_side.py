"""stable-retro's side of bench_env.py: Open Kart in its environment, as in its documentation.

python tests/bench/retro_side.py ROM STEPS runs in the environment of requirements/bench.txt, and prints the result as
its last line.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import stable_retro
from numpy.typing import NDArray

from n64gym.games import openkart_telemetry as openkart

GAME = "OpenKart-N64-v0"
FRAMESKIP = 4
MENU_FRAMES = 1200


class Env(stable_retro.RetroEnv):
    """Steps until the core has a picture. RetroEnv expects one after the first frame, and this core has none then."""

    def get_screen(self, *arguments: Any, **named: Any) -> NDArray[np.uint8]:
        for _ in range(10):
            try:
                return super().get_screen(*arguments, **named)
            except RuntimeError:
                self.em.step()
        return super().get_screen(*arguments, **named)


def make(rom: Path, folder: Path) -> Env:
    """Make Open Kart from a custom integration in `folder`, without reward and end: the least work for stable-retro."""
    game = folder / GAME
    game.mkdir()
    (game / "rom.z64").symlink_to(rom)
    (game / "rom.sha").write_text(hashlib.sha1(rom.read_bytes()).hexdigest() + "\n")
    (game / "data.json").write_text('{"info": {}}')
    (game / "scenario.json").write_text('{"done": {"variables": {}}, "reward": {"variables": {}}}')
    (game / "metadata.json").write_text("{}")
    stable_retro.data.Integrations.add_custom_path(str(folder))
    return Env(
        GAME,
        inttype=stable_retro.data.Integrations.CUSTOM_ONLY,
        use_restricted_actions=stable_retro.Actions.ALL,
        render_mode="rgb_array",
    )


def telemetry(env: Env) -> openkart.Telemetry:
    """Return Open Kart's telemetry. This core too stores RDRAM as words in the host's byte order."""
    return openkart.read_telemetry(env.get_ram().view(np.uint32))


def main() -> None:
    rom, steps = Path(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        env = make(rom, Path(folder))
        released = np.zeros(env.action_space.n, np.int8)
        gas = released.copy()
        gas[env.buttons.index("A")] = 1
        env.reset()
        for frame in range(MENU_FRAMES):
            if telemetry(env).stage == openkart.RACE:
                break
            env.step(gas if frame % 4 < 2 else released)
        env.initial_state = env.em.get_state()
        env.reset()

        before, begin = telemetry(env), time.perf_counter()
        for _ in range(steps):
            for _ in range(FRAMESKIP):
                picture = env.step(gas)[0]
            cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (84, 84), interpolation=cv2.INTER_AREA)
        seconds, after = time.perf_counter() - begin, telemetry(env)
    print(json.dumps({"vis": after.vis - before.vis, "seconds": seconds, "progress": after.race_progress}))


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
