"""The emulator process: loads mupen64plus with the lockstep plugins and runs one ROM until told to stop.

emulator.py starts it as a script that uses only the standard library, so that it starts in a few hundredths of a
second:  python host.py '{"rom": …, "fd": …}'"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
from ctypes import byref, c_char_p, c_float, c_int, c_void_p
from pathlib import Path

CORE = "libmupen64plus.so.2"
CORE_DATA = b"/usr/share/games/mupen64plus"
FRONTEND_API = 0x020001

ROM_OPEN, EXECUTE, CORE_STATE_SET = 1, 5, 17
SPEED_LIMITER = 5
PLUGIN_RSP, PLUGIN_GFX, PLUGIN_INPUT = 1, 2, 4
INT, FLOAT, BOOL, STRING = 1, 2, 3, 4
NUMBERS: dict = {INT: c_int, FLOAT: c_float, BOOL: c_int}
EMULATOR_PACKAGES = (
    "an emulator needs Debian packages: apt-get install libmupen64plus2 mupen64plus-data mupen64plus-rsp-hle"
)
PLUGINS_MISSING = (
    "the lockstep plugins were not built with this installation: install gcc, make, libmupen64plus-dev and "
    "gcc-mips64-linux-gnuabi64, then install n64gym again, or run make -C env-image in a clone"
)
DISPLAY_PACKAGES = "GPU pictures need Debian packages: apt-get install xvfb libgl1-mesa-dri, or set DISPLAY"
LOG_ERROR = 1
IGNORED = (b"SDL swap interval", b"RSP: unknown opcode")  # how errors begin that make no difference
UNKNOWN_TASK = (b"unknown RSP code", b"unknown OSTask")  # how the RSP plugin's warnings begin

VI_V_INTR, VI_V_SYNC = 0xA440000C, 0xA4400018
NTSC_LINES = 525

DEBUGGER_RUNNING = 2

DebugCallback = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)


class HostError(Exception):
    """The emulator cannot start. The text gives the reason."""


def main(request: dict) -> None:
    """Run the ROM of `request` until the parent requests a stop."""
    threading.Thread(target=follow_parent, args=(os.getppid(), request["folder"]), daemon=True).start()
    if request["real_plugin"]:
        os.environ["LP_NUM_THREADS"] = "0"  # llvmpipe draws in this thread: such a small picture is slower in two
        os.environ["SDL_VIDEODRIVER"] = "x11"  # independent of the parent's video driver
        if not os.environ.get("DISPLAY"):
            os.environ.update(start_display(request["screen"]))
    system = ctypes.CDLL(None)  # this process was started with LD_PRELOAD=lockstep-system.so
    os.environ.pop("LD_PRELOAD")  # not for the X server
    os.environ["TZ"] = "UTC"  # of the console's clock
    if not hasattr(system, "lockstep_attach_system"):
        raise HostError(PLUGINS_MISSING)
    system.lockstep_attach_system.restype = c_char_p
    if problem := system.lockstep_attach_system(request["fd"]):
        raise HostError(problem.decode())
    core = load(CORE, EMULATOR_PACKAGES)
    video = load(request["video_plugin"], PLUGINS_MISSING)
    inputs = load(request["input_plugin"], PLUGINS_MISSING)
    attached = [(video, request["real_plugin"]), (inputs, None)]
    if request["rsp_fallback"]:
        attached.append((load(request["rsp_fallback"][0], PLUGINS_MISSING), request["rsp_fallback"][1]))
    for plugin, real in attached:
        plugin.lockstep_attach.restype = c_char_p
        problem = plugin.lockstep_attach(request["fd"], real.encode() if real else None)
        if problem:
            raise HostError(problem.decode())

    @DebugCallback
    def log(_context: int, level: int, text: bytes) -> None:
        if text.startswith(UNKNOWN_TASK):
            video.lockstep_unknown_task()
        elif level <= LOG_ERROR and not text.startswith(IGNORED):
            print(text.decode(errors="replace"), file=sys.stderr, flush=True)

    folder = request["folder"].encode()
    check(
        core.CoreStartup(FRONTEND_API, folder, CORE_DATA, None, log, None, video.lockstep_state_changed),
        "the core does not start",
    )
    configure(core, request)
    if request["force_video"]:
        keep = force_video(core)  # noqa: F841 - callbacks must live as long as the core

    rom = Path(request["rom"]).read_bytes()
    if rom[:2] in (b"PK", b"\x1f\x8b"):  # an archive, which the parent has checked
        sys.path.append(str(Path(__file__).parent))
        import archive

        rom = archive.unpacked(rom, request["largest_rom"])
    check(core.CoreDoCommand(ROM_OPEN, len(rom), rom), "the core refuses the ROM")
    # Without an RSP plugin, the core crashes at a game's first picture or sound, even with no picture wanted.
    processor = load(request["rsp_plugin"], EMULATOR_PACKAGES)
    for kind, plugin in ((PLUGIN_GFX, video), (PLUGIN_INPUT, inputs), (PLUGIN_RSP, processor)):
        check(plugin.PluginStartup(c_void_p(core._handle), None, log), f"plugin {kind} does not start")
        check(core.CoreAttachPlugin(kind, c_void_p(plugin._handle)), f"plugin {kind} cannot be attached")
    check(core.CoreDoCommand(CORE_STATE_SET, SPEED_LIMITER, byref(c_int(0))), "the speed limiter stays on")
    check(core.CoreDoCommand(EXECUTE, 0, None), "the emulation ended with an error")


def start_display(screen: tuple[int, int]) -> dict[str, str]:
    """Start a virtual X server for this process, and return the variables of its clients.

    It ends with this process, even after a kill. Other users cannot connect to it: a client needs the secret in the
    authority file (Xsecurity(7)). That file is in memory, and only this process and the X server have it.
    """
    reading, writing = os.pipe()
    size = f"{screen[1]}x{screen[0]}x24"
    authority = os.memfd_create("n64gym-xauthority")
    os.fchmod(authority, 0o600)
    name, secret = b"MIT-MAGIC-COOKIE-1", os.urandom(16)
    # An entry for any display (Xauth.h: FamilyWild, no address, no number), with its name and its secret.
    os.write(authority, struct.pack(">HHHH", 0xFFFF, 0, 0, len(name)) + name + struct.pack(">H", len(secret)) + secret)
    path = f"/proc/self/fd/{authority}"
    server = ["Xvfb", "-displayfd", str(writing), "-auth", path]
    server += ["-screen", "0", size, "-nolisten", "tcp", "-noreset"]
    try:
        subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *server], pass_fds=[writing, authority], stderr=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise HostError("setpriv is missing: install util-linux, or set DISPLAY") from None
    os.close(writing)
    with open(reading) as answer:  # Xvfb chooses a free display number and writes it here when it is ready
        number = answer.readline().strip()
    if not number:
        raise HostError(f"Xvfb does not start; {DISPLAY_PACKAGES}")
    return {"DISPLAY": f":{number}", "XAUTHORITY": path}


def follow_parent(parent: int, folder: str) -> None:
    """End this process and remove its folder when the parent is gone, even if the ROM hangs and there are no more VIs.

    The parent is gone when it has died, or when standard input ends. Both are checked, because forks of
    the parent may keep the other end of standard input open."""
    watch = select.poll()
    watch.register(sys.stdin.fileno(), select.POLLIN)
    while not watch.poll(1000) and os.getppid() == parent:
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def force_video(core: ctypes.CDLL) -> tuple:
    """Switch on the video for the ROM, because steps end at VIs and a ROM without video has none.

    The core's debugger calls back before the first instruction. This is only possible then. The debugger needs the
    interpreter. Returns the callbacks: the caller must keep them alive.
    """
    handle = c_void_p()
    check(core.ConfigOpenSection(b"Core", byref(handle)), "no configuration section Core")
    check(core.ConfigSetParameter(handle, b"EnableDebugger", BOOL, byref(c_int(1))), "EnableDebugger cannot be set")

    @ctypes.CFUNCTYPE(None, ctypes.c_uint)
    def before_first_instruction(_pc: int) -> None:
        core.DebugMemWrite32(VI_V_INTR, 2)
        core.DebugMemWrite32(VI_V_SYNC, NTSC_LINES)
        core.DebugSetRunState(DEBUGGER_RUNNING)

    callbacks = (ctypes.CFUNCTYPE(None)(lambda: None), before_first_instruction, ctypes.CFUNCTYPE(None)(lambda: None))
    check(core.DebugSetCallbacks(*callbacks), "the core has no debugger, which a ROM without video needs")
    return callbacks


def configure(core: ctypes.CDLL, request: dict) -> None:
    """Configure the core for speed and determinism (all randomness is off), with all its files in the workspace."""
    folder = request["folder"]
    sections: dict[str, dict[str, tuple[int, float | str]]] = {
        "Core": {
            "R4300Emulator": (INT, request["cpu"]),
            "DisableExtraMem": (BOOL, not request["expansion_pak"]),
            "GbCameraVideoCaptureBackend1": (STRING, ""),  # else it looks for a camera and reports that there is none
            "RandomizeInterrupt": (BOOL, 0),  # 1 randomizes PI and SI transfer times
            "OnScreenDisplay": (BOOL, 0),
            "AutoStateSlotIncrement": (BOOL, 0),
            "SaveStatePath": (STRING, folder),
            "SaveSRAMPath": (STRING, folder),
            "ScreenshotPath": (STRING, folder),
        },
        "Video-General": {
            "Fullscreen": (BOOL, 0),
            "ScreenWidth": (INT, request["screen"][1]),
            "ScreenHeight": (INT, request["screen"][0]),
            "VerticalSync": (BOOL, 0),
        },
        # The lockstep plugin expects each picture's swap at the begin of the next. Some games' default is another.
        "Video-Glide64mk2": {"swapmode": (INT, 1)},
        "Rsp-HLE": {
            "DisplayListToGraphicsPlugin": (BOOL, request["display_lists"]),
            "Version": (FLOAT, 1.0),  # without it, the plugin discards this section
            "RspFallback": (STRING, request["rsp_fallback"][0] if request["rsp_fallback"] else ""),
        },
    }
    for section, parameters in sections.items():
        handle = c_void_p()
        check(core.ConfigOpenSection(section.encode(), byref(handle)), f"no configuration section {section}")
        for name, (kind, value) in parameters.items():
            pointer = c_char_p(value.encode()) if isinstance(value, str) else byref(NUMBERS[kind](value))
            check(core.ConfigSetParameter(handle, name.encode(), kind, pointer), f"{section}.{name} cannot be set")


def load(library: str, mend: str) -> ctypes.CDLL:
    """Load a library. An error says what to install."""
    try:
        return ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL if library == CORE else ctypes.RTLD_LOCAL)
    except OSError as error:
        raise HostError(f"{library} cannot be loaded ({error}): {mend}") from None


def check(result: int, what: str) -> None:
    """Raise HostError unless `result` is M64ERR_SUCCESS, 0. m64p_types.h lists the errors."""
    if result != 0:
        raise HostError(f"{what} (mupen64plus error {result})")


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except HostError as error:
        sys.exit(str(error))
