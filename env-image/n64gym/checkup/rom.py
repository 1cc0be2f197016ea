"""Checks of a ROM in the environment that plays it: file, start, menus, memory, driving, repetition, pictures."""

from __future__ import annotations

import itertools
import math
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from n64gym.checkup.finding import Finding
from n64gym.machine import plugins
from n64gym.machine.emulator import EmulatorError
from n64gym.machine.rom import MARIO_KART_64, OPEN_KART, SUPER_SMASH_BROS, Rom, RomError, open_rom
from n64gym.movies.playback import Playback
from n64gym.movies.record import RecordMovie
from n64gym.n64_env import N64Env
from n64gym.race_env import RaceEnv

SIZE = (84, 84)
VIDEO = "glide64mk2"
MENUS_S = 40.0  # after it, no more courses are tried
SPEED_S = 2.0
BLACK_VIS = 600  # a game without an environment that is black for so long has no picture
STRAIGHT, LEFT, RIGHT = 1, 7, 11  # actions of RaceEnv: accelerate, with extreme steering
DRIVEN_S = 2.0  # of the game
STEERED_S = 1.0
LEAST_TURN = 0.02  # radians
SLOW_STEPS_S = 100.0  # steps a second
NO_PICTURE = """learn from telemetry: --env-args '{"video": null, "telemetry": true}' """.strip()
REPORT = "attach the report to an issue"
COLOUR = re.compile(r"\x1b\[\d+m|WARN: ")  # around Gymnasium's warnings
NO_PICTURE_YET = "this game draws with the GPU, so its picture is missing"  # of the checks without a video plugin
TROUBLE = (RomError, EmulatorError, ValueError, OSError)


class Game(NamedTuple):
    """An environment for a game."""

    env_id: str
    sha1: str  # of the ROM that it needs
    header: str  # the name in the ROM's header
    gpu: bool


GAMES = (
    Game("n64gym/MarioKart64-v0", MARIO_KART_64, "MARIOKART64", True),
    Game("n64gym/SuperSmashBros-v0", SUPER_SMASH_BROS, "SMASH BROTHERS", True),
)
ANY = Game("n64gym/Rom-v0", "", "", False)
SETTINGS = ("course", "stage", "character", "opponent")  # which the menus choose


class Speed(NamedTuple):
    """The measured speed of one environment in one process."""

    steps_per_s: float
    vis_per_s: float


class Checked(NamedTuple):
    """What the checks of a ROM have led to."""

    env_id: str  # the environment to train in; empty if none has a reward for this game
    env_args: dict[str, Any]  # its arguments
    speed: Speed | None  # of the way in which training runs; None if it does not run


def check_emulator() -> Iterator[Finding]:
    """Yield findings about the emulator's plugins on this machine."""
    found = sorted(path.stem.removeprefix("mupen64plus-") for path in plugins.PLUGINS.glob("mupen64plus-*.so"))
    yield Finding.ok("mupen64plus plugins", ", ".join(found) or "none")
    if "rsp-hle" not in found:
        yield Finding.fail("RSP plugin", "rsp-hle is missing", "apt-get install mupen64plus-rsp-hle")
    if f"video-{VIDEO}" not in found:
        yield Finding.note("video plugin", f"{VIDEO} is missing", f"apt-get install mupen64plus-video-{VIDEO}")


def check_rom(path: str | Path, show: Callable[[Finding], None]) -> Checked:
    """Check a ROM; the empty path is Open Kart's. `show` gets each finding at once. Raises RomError if it is no ROM."""
    rom = open_rom(path or OPEN_KART)
    game = next((one for one in GAMES if rom.sha1 == one.sha1 or rom.name == one.header), ANY)
    if rom.path == OPEN_KART.resolve():
        game = Game("n64gym/OpenKart-v0", rom.sha1, rom.name, False)
    for finding in _file(rom, game):
        show(finding)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        speed = _runs(rom, game, show)
    for text in dict.fromkeys(_plain(COLOUR.sub("", str(one.message)), rom) for one in said):
        if not text.startswith(NO_PICTURE_YET):
            show(Finding.note("warning", text, "see docs/troubleshooting.md"))
    if game.gpu:
        for finding in _left_unproven():
            show(finding)
    env_id = "" if game is ANY else game.env_id
    return Checked(env_id, {} if rom.sha1 == game.sha1 else {"check_rom": False}, speed)


def _file(rom: Rom, game: Game) -> Iterator[Finding]:
    archive = "" if rom.path.suffix.lower() not in (".zip", ".gz") else f", in a {rom.path.suffix} archive"
    country, version = chr(rom.country & 0xFF), rom.country >> 8
    yield Finding.ok(
        "ROM",
        f"{rom.title!r}, {rom.path.stat().st_size:,} bytes, byte order {rom.byte_order}{archive}, country code "
        f"{country!r}, version {version}, {rom.vis_per_second} VIs a second, CRC1 {rom.crc1:08X}",
    )
    if game is ANY:
        yield Finding.note(
            "SHA-1", rom.sha1, "no environment knows this game: it runs in n64gym/Rom-v0, without a reward"
        )
    elif rom.sha1 == game.sha1:
        yield Finding.ok("SHA-1", f"{rom.sha1}, as {game.env_id} expects")
    else:
        yield Finding.fail(
            "SHA-1",
            f"{rom.sha1}, expected {game.sha1} for {game.env_id}",
            "use the US version, unchanged; the other checks go on as if it were",
        )


def _runs(rom: Rom, game: Game, show: Callable[[Finding], None]) -> Speed | None:
    """Run the game; return its speed in the way in which training runs."""
    try:
        env = _make(rom, game, None)
        try:
            begun = time.monotonic()
            game_env: N64Env = env.unwrapped  # type: ignore[assignment]
            game_env.start()
            assert game_env.emulator is not None
            way = game_env.emulator.console.processor
            show(Finding.ok("start", f"first VI after {time.monotonic() - begun:.2f} s, in the {way}"))
            if game is not ANY:
                _menus(env, game_env, show)
                if isinstance(game_env, RaceEnv):
                    for finding in _driving(env, game_env):
                        show(finding)
            show(_repeats(env))
            speed = _speed(env)
            show(_told(speed, "without a picture" if game.gpu else "with the picture"))
        finally:
            env.close()
        if game.gpu or game is ANY:
            drawn = _pictures(rom, game, show)
            speed = drawn if game.gpu and drawn else speed
    except TROUBLE as error:
        show(Finding.fail("menus and memory", _plain(str(error), rom), REPORT))
        return None
    return speed


def _make(rom: Rom, game: Game, video: str | None) -> gymnasium.Env[Any, Any]:
    """Return the game's environment. Its start states are not kept, so that the menus are really operated."""
    settings: dict[str, Any] = {
        "rom": str(rom.path),
        "obs_type": "grayscale",
        "size": SIZE,
        "cache": False,
        "video": video,
    }
    if game.gpu:
        settings["check_rom"] = False
    return gymnasium.make(game.env_id, disable_env_checker=True, **settings)


def _menus(env: gymnasium.Env[Any, Any], game: N64Env, show: Callable[[Finding], None]) -> None:
    """Go through the menus to the start of an episode: each mode, then each course and character, while there is time.

    Each start is checked by the environment, which compares the game's variables with what they must be there.
    """
    begun = time.monotonic()
    env.reset(seed=0)
    emulator = game.emulator
    assert emulator is not None
    seconds = time.monotonic() - begun
    show(Finding.ok("menus", f"from power-on to the start of an episode in {seconds:.1f} s: {emulator.vi_count:,} VIs"))
    show(Finding.ok("memory", "all checked variables have the values of the start of an episode"))
    kinds = {name: setting.allowed for name, setting in game.settings.items() if name in SETTINGS}
    rounds = [{name: names[turn % len(names)] for name, names in kinds.items()} for turn in range(_longest(kinds))]
    if "mode" in game.settings:
        rounds = [{"mode": mode} for mode in game.settings["mode"].allowed] + rounds
    for done, options in enumerate(rounds):
        if time.monotonic() - begun > MENUS_S:
            found = f"{done} of {len(rounds)} choices were reached in the time: {MENUS_S:.0f} s"
            show(Finding.unproven("choices in the menus", found, "train on each course for a moment"))
            return
        env.reset(seed=0, options=options)
    if rounds:
        show(Finding.ok("choices in the menus", f"{len(rounds)} reached: {', '.join(('mode', *kinds))}"))


def _longest(kinds: dict[str, Any]) -> int:
    return max(map(len, kinds.values()), default=0)


def _driving(env: gymnasium.Env[Any, Any], game: RaceEnv) -> Iterator[Finding]:
    """Accelerate, then steer left and right, and compare what the game's variables say."""
    _, info = env.reset(seed=0)
    emulator = game.emulator
    assert emulator is not None
    first, begun = emulator.vi_count, info["progress"]
    for _ in range(round(DRIVEN_S * emulator.rom.vis_per_second / game.frameskip)):
        *_, info = env.step(STRAIGHT)
    passed = (emulator.vi_count - first) / emulator.rom.vis_per_second
    found = f"{info['speed']:.0f} km/h and {info['progress']:.3f} laps after {DRIVEN_S:.0f} s"
    moved = info["speed"] > 10 and info["progress"] > begun
    yield (
        Finding.ok("acceleration", found)
        if moved
        else Finding.fail("acceleration", f"{found}: the kart does not move", REPORT)
    )
    found = f"{info['race_time']:.2f} s on the game's clock in {passed:.2f} s of VIs"
    right = abs(info["race_time"] - passed) < 0.5
    yield Finding.ok("clock", found) if right else Finding.fail("clock", found, REPORT)
    reads = info["controller_reads"] / info["vis"]
    yield (
        Finding.ok("controller", f"{reads:.2f} reads a VI")
        if reads
        else Finding.fail("controller", "never read", REPORT)
    )
    start = game.snapshot()
    turns = []
    for action in (LEFT, RIGHT):
        game.restore(start)
        places = [game.position(emulator)]
        for _ in range(round(STEERED_S * emulator.rom.vis_per_second / game.frameskip)):
            env.step(action)
            places.append(game.position(emulator))
        turns.append(_turn(places))
    found = f"{turns[0]:+.2f} radians with the stick to the left, {turns[1]:+.2f} to the right"
    opposite = turns[0] * turns[1] < 0 and min(map(abs, turns)) > LEAST_TURN
    yield (
        Finding.ok("steering", found)
        if opposite
        else Finding.fail("steering", f"{found}: expected opposite turns", REPORT)
    )


def _turn(places: list[Any]) -> float:
    """Return the change of direction on a path, in radians."""
    steps = [complex(*place) - complex(*before) for before, place in itertools.pairwise(places)]
    moves = [step for step in steps if abs(step) > 1e-6]
    return sum(math.atan2((b / a).imag, (b / a).real) for a, b in itertools.pairwise(moves))


def _repeats(env: gymnasium.Env[Any, Any]) -> Finding:
    """Record an episode of random actions as a movie, play it in a new emulator, and compare memory."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = RecordMovie(env, folder)
        recorder.reset(seed=0)
        recorder.action_space.seed(0)
        for _ in range(150):
            *_, terminated, truncated, _ = recorder.step(recorder.action_space.sample())
            if terminated or truncated:
                break
        recorder.reset(seed=0)  # writes the movie
        movie = recorder.last_movie
        if movie is None:
            return Finding.fail("repetition", "no movie was recorded", REPORT)
        game: N64Env = env.unwrapped  # type: ignore[assignment]
        playback = Playback(movie, game.rom.path)
        try:
            while not playback.over:
                playback.step()
        finally:
            playback.close()
        if playback.diverged:
            return Finding.fail("repetition", f"the same inputs gave another run: {playback.diverged}", REPORT)
        steps = len(playback.movie.samples)
        return Finding.ok("repetition", f"{steps:,} controller reads, played again from power-on, give the same memory")


def _pictures(rom: Rom, game: Game, show: Callable[[Finding], None]) -> Speed | None:
    """Run the game with its picture; return the speed."""
    env = _make(rom, game, VIDEO)
    try:
        game_env: N64Env = env.unwrapped  # type: ignore[assignment]
        observation, _ = env.reset(seed=0)
        emulator = game_env.emulator
        assert emulator is not None
        while len(np.unique(observation)) < 2 and emulator.vi_count < BLACK_VIS:
            observation, *_ = env.step(env.action_space.sample())
        drawer = f"{emulator.display_lists} display lists, {emulator.rdp_lists} RDP lists"
        if len(np.unique(observation)) < 2:
            show(Finding.fail("picture", f"one colour after {emulator.vi_count} VIs; {drawer}", REPORT))
        else:
            show(Finding.ok("picture", f"{len(np.unique(observation))} shades of grey at {SIZE}; {drawer}"))
        speed = _speed(env)
        show(_told(speed, f"with the picture of {VIDEO}"))
        return speed
    except EmulatorError as error:
        show(Finding.fail("picture", _plain(str(error), rom), NO_PICTURE))
        return None
    finally:
        env.close()


def _speed(env: gymnasium.Env[Any, Any]) -> Speed:
    """Step with random actions for a moment."""
    env.reset(seed=0)
    game: N64Env = env.unwrapped  # type: ignore[assignment]
    steps, begun = 0, time.monotonic()
    while (passed := time.monotonic() - begun) < SPEED_S:
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        steps += 1
        if "emulator_error" in info:
            raise EmulatorError(info["emulator_error"])
        if terminated or truncated:
            env.reset()
    return Speed(steps / passed, steps * game.frameskip / passed)


def _told(speed: Speed, how: str) -> Finding:
    found = f"{speed.steps_per_s:,.0f} steps a second, {speed.vis_per_s:,.0f} VIs a second, one environment"
    if speed.steps_per_s < SLOW_STEPS_S:
        return Finding.note(f"speed {how}", found, "run again on an idle machine; see docs/troubleshooting.md")
    return Finding.ok(f"speed {how}", found)


def _left_unproven() -> Iterator[Finding]:
    """Yield what only a person with the real game can check."""
    look = "watch a worker's screen while it trains: a3c64 train --rom FILE --vnc-port 5901"
    yield Finding.unproven("the picture is right", "a program sees only that there is one", look)
    yield Finding.unproven(
        "laps, the finish and their times", "no whole race was driven here", "train, then a3c64 eval"
    )
    yield Finding.unproven("off road, collisions, wrong way, places", "these need certain situations", look)
    yield Finding.unproven(
        "learning", "whether a policy gets better on this game", "train, and look at the curve of returns"
    )


def _plain(text: str, rom: Rom) -> str:
    """Return a message without the folders of this machine."""
    for folder in (str(rom.path.parent), str(Path.home()), tempfile.gettempdir(), os.getcwd()):
        if len(folder) > 1:
            text = text.replace(folder + "/", "")
    return " ".join(text.split())
