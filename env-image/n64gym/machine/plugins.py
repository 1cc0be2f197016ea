"""Finds mupen64plus' plugins on this machine."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from n64gym.machine.rom import DATA

# Debian's folder of mupen64plus plugins, for example /usr/lib/x86_64-linux-gnu/mupen64plus
PLUGINS = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "mupen64plus")
RSP = PLUGINS / "mupen64plus-rsp-hle.so"  # imitates the RSP programs of most games
RSP_INTERPRETER = PLUGINS / "mupen64plus-rsp-z64.so"  # runs any RSP program, slowly; Debian has it for amd64 and i386


def rsp_fallback(rsp: str) -> list[str] | None:
    """Return the plugin for RSP programs that RSP does not know, and the plugin that this one forwards to.

    rsp: as in Console. Returns None if there is none, and then these programs do nothing.
    """
    if rsp == "hle" or not RSP_INTERPRETER.exists():
        return None
    return [str(DATA / "lockstep-rsp.so"), str(RSP_INTERPRETER)]
