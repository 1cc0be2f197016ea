"""Finds out who draws a game's picture, and says why a picture is missing."""

from __future__ import annotations

import gymnasium

from n64gym.machine.emulator import Emulator
from n64gym.machine.plugins import OWN

PATIENCE_VIS = 300  # a picture that is black for so long after power-on is reported: five seconds

GPU = 'this game draws with the GPU, so its picture is missing: pass video="glide64mk2"'
RDP = (
    "this game gives the GPU lists of RDP commands without a display list. No video plugin of Debian draws these, so "
    "the picture shows only what the CPU has drawn; with a plugin of yours that does (angrylion, parallel-rdp), set "
    'A3C64_VIDEO_PLUGIN to its path and pass video="own"'
)
MICROCODE = (
    "this game has RSP programs that mupen64plus-rsp-hle does not know, so they do nothing, and its picture or its "
    'sound may be missing: install mupen64plus-rsp-z64, and leave the console\'s "rsp" at "auto"'
)
INTERPRETED = (
    "this game has RSP programs that mupen64plus-rsp-hle does not know: mupen64plus-rsp-z64 runs them, more slowly"
)
NOBODY = "this game has drawn nothing in its first {:.0f} seconds: its picture is black"


class Drawing:
    """Warns once about a missing picture. video: the real video plugin, or None."""

    def __init__(self, video: str | None) -> None:
        self._video = video
        self.known = False  # whether `check` has found out; it need not be called again
        self._told = False  # whether INTERPRETED was

    def check(self, emulator: Emulator) -> None:
        """Look at the picture of the step that has just ended."""
        if emulator.interpreted_tasks and not self._told:
            self._told = True
            gymnasium.logger.warn(INTERPRETED)
        if self._video is None and emulator.display_lists:
            self._warn(GPU)
        elif emulator.rdp_lists and self._video != OWN:
            self._warn(RDP)
        elif emulator.observation is not None and emulator.observation.any():
            self.known = True
        elif emulator.vi_count >= PATIENCE_VIS:
            self._warn(MICROCODE if emulator.unknown_tasks else NOBODY.format(PATIENCE_VIS / 60))

    def _warn(self, text: str) -> None:
        self.known = True
        gymnasium.logger.warn(text)
