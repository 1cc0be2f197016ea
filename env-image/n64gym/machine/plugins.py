"""Finds mupen64plus' plugins on this machine."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path
from typing import Any

from n64gym.machine.rom import DATA

# Debian's folder of mupen64plus plugins, for example /usr/lib/x86_64-linux-gnu/mupen64plus
PLUGINS = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "mupen64plus")
RSP = PLUGINS / "mupen64plus-rsp-hle.so"  # imitates the RSP programs of most games
RSP_INTERPRETER = PLUGINS / "mupen64plus-rsp-z64.so"  # runs any RSP program, slowly; Debian has it for amd64 and i386
OWN = "own"  # the name of the user's own video plugin
OWN_PATH = "A3C64_VIDEO_PLUGIN"  # the environment variable with its path


def chosen(video: str | None, rsp: str) -> dict[str, Any]:
    """Return the plugins' part of a request to host.py.

    video: None, the name of one of Debian's video plugins, or OWN. rsp: as in Console. Raises ValueError, or
    FileNotFoundError if there is no plugin of the user's.
    """
    interpreter = rsp != "hle" and RSP_INTERPRETER.exists()
    return {
        "video_plugin": str(DATA / "lockstep-video.so"),
        "input_plugin": str(DATA / "lockstep-input.so"),
        "real_plugin": _real_plugin(video),
        "rsp_plugin": str(RSP),
        # The plugin for programs that RSP does not know, and the plugin that this one forwards to.
        "rsp_fallback": [str(DATA / "lockstep-rsp.so"), str(RSP_INTERPRETER)] if interpreter else None,
        # Display lists go to the video plugin. Else they are programs, which give the plugin lists of RDP commands.
        "display_lists": video != OWN or not interpreter,
    }


def _real_plugin(video: str | None) -> str | None:
    """Return the path of the real video plugin."""
    if video is None:
        return None
    if not re.fullmatch("[A-Za-z0-9_-]+", video):  # it becomes part of a file's name
        raise ValueError(f'video is {video!r}; expected the name of a plugin such as "glide64mk2", or "{OWN}"')
    if video != OWN:
        return str(PLUGINS / f"mupen64plus-video-{video}.so")
    path = os.environ.get(OWN_PATH, "")
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'video is "own", but A3C64_VIDEO_PLUGIN is {path!r}; expected the path of a video plugin for mupen64plus, '
            "such as angrylion or parallel-rdp"
        )
    return str(Path(path).absolute())
