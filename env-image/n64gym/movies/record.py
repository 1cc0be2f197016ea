"""Records episodes as movies: NAME.m64 has every controller sample since power-on, NAME.json has facts about the
episode.

The JSON's `checks` hold a running hash for each step, so that a playback detects at which step it diverges.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium

from n64gym.files import write_whole
from n64gym.machine.emulator import Emulator
from n64gym.movies import m64
from n64gym.movies.facts import CHECK_BYTES, FORMAT
from n64gym.movies.m64 import M64

if TYPE_CHECKING:
    from n64gym.n64_env import N64Env


class Watch:
    """A running hash of words of RDRAM, to detect different runs. The words are given as [first, end, stride]."""

    def __init__(self, emulator: Emulator, words: Sequence[Sequence[int]]) -> None:
        self._parts = [emulator.rdram[slice(*one)] for one in words]
        self._hash = 0

    def look(self) -> bytes:
        """Add a step. Return the new hash."""
        for part in self._parts:
            self._hash = zlib.crc32(part.data if part.flags.c_contiguous else part.tobytes(), self._hash)
        return self._hash.to_bytes(4, "little")[:CHECK_BYTES]


class RecordMovie(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Writes a movie of every episode into `folder` when it ends or when reset or close abandons it.

    An episode gets no movie if its emulator died, if an interrupt cut off a step, or if `restore` was called. Raises
    OSError if the folder cannot be written. A subclass may save more, see `save`.
    """

    hands_on_actions = True  # see n64gym/wrappers.py

    def __init__(self, env: gymnasium.Env[Any, Any], folder: str | Path) -> None:
        super().__init__(env)
        self._game: N64Env = env.unwrapped  # type: ignore[assignment]
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = 0
        self._name = secrets.token_hex(4)  # unique, so that recorders of several machines can share a folder
        self._episode = -1
        self._checks = bytearray()
        self.last_movie: Path | None = None
        """The path of the latest movie."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a movie."""
        self._write("abandoned", {})
        observation, info = self.env.reset(seed=seed, options=options)
        self._episode = 0 if seed is not None else self._episode + 1
        emulator = self._game.emulator
        assert emulator is not None
        self._watch = Watch(emulator, self._game.watch)
        self._is_whole = True
        self._return = 0.0
        self._facts: dict[str, Any] = {
            "format": FORMAT,
            "game": self._game.spec.id if self._game.spec else type(self._game).__name__,
            "setup": info["setup"],
            "seed": self._game.np_random_seed,
            "episode": self._episode,  # episodes since reset got that seed, from 0
            "start_noops": info["start_noops"],
            "start_random": info["start_random"],
            "start_state": info["start_state"],
            "frameskip": self._game.frameskip,
            "video": self._game.video,
            "console": emulator.console._asdict(),
            "begins": {"sample": emulator.controller_reads, "vi": emulator.vi_count},
            "watch": list(self._game.watch),
            "watch_at_end": list(self._game.watch_at_end),
        }
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Add a step to the movie."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += float(reward)
        self._checks += self._watch.look()
        emulator, steps = self._game.emulator, len(self._checks) // CHECK_BYTES
        expected_vi = self._facts["begins"]["vi"] + steps * self._game.frameskip
        self._is_whole &= emulator is not None and emulator.vi_count == expected_vi
        if terminated or truncated:
            self._write("terminated" if terminated else "truncated", info)
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Write the movie of the episode in progress."""
        self._write("abandoned", {})
        super().close()

    def _write(self, ended: str, info: dict[str, Any]) -> None:
        emulator = self._game.emulator
        if emulator is None or not self._checks or not self._is_whole:
            self._checks.clear()
            return
        movie = movie_of(emulator, f"{self._facts['game']} {json.dumps(self._facts['setup'])}")
        facts = {
            **self._facts,
            "ended": ended,
            "steps": len(self._checks) // CHECK_BYTES,
            "return": self._return,
            "lap_times": list(info.get("lap_times", ())),
            "metrics": info.get("metrics", {}),
            **facts_at_end(emulator, movie, self._game.watch_at_end, self._checks),
        }
        self._checks.clear()
        self._count += 1
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(movie.uid))
        self.save(self._folder / f"{stamp}-{self._name}-{self._count:06d}.m64", movie, facts)

    def save(self, path: Path, movie: M64, facts: dict[str, Any]) -> None:
        """Write an episode, see `write_movie`. Raises OSError."""
        write_movie(path, movie, facts)
        self.last_movie = path


def movie_of(emulator: Emulator, description: str) -> M64:
    """Return the movie of all that an emulator has played since power-on."""
    rom = emulator.rom
    return M64(
        samples=emulator.samples(),
        vis=emulator.vi_count,
        rom_name=rom.name,
        crc1=rom.crc1,
        country=rom.country,
        vis_per_second=rom.vis_per_second,
        uid=int(time.time()),
        video_plugin="a3c64 lockstep video",
        input_plugin="a3c64 lockstep input",
        author="n64gym",
        controllers=emulator.plugged_in.bit_count(),
        controller_flags=emulator.plugged_in * (0x11 if emulator.console.controller_pak else 1),
        description=description[:200],
    )


def facts_at_end(emulator: Emulator, movie: M64, words: Sequence[Sequence[int]], checks: bytearray) -> dict[str, Any]:
    """Return what a movie's JSON says about its end. words: of RDRAM, see `rdram_hash`. checks: of `Watch`."""
    return {
        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(movie.uid)),
        "vis_per_second": movie.vis_per_second,
        "rom": {"name": emulator.rom.name, "sha1": emulator.rom.sha1},
        "ends": {"sample": len(movie.samples), "vi": movie.vis},
        "rdram_sha256": rdram_hash(emulator, words),
        "checks": base64.b64encode(checks).decode(),
    }


def write_movie(path: Path, movie: M64, facts: dict[str, Any]) -> None:
    """Write a movie to `path`, and its JSON beside it. Raises OSError.

    The JSON is written first, so that every movie has its JSON. Neither write waits for the disk: after a crash of the
    process all files are complete, but a power failure may lose the last seconds."""
    facts_path = path.with_suffix(".json")
    try:
        write_whole(facts_path, json.dumps(facts, indent=1).encode() + b"\n", sync=False)
        m64.write(path, movie, sync=False)
    except OSError:
        facts_path.unlink(missing_ok=True)
        raise


def rdram_hash(emulator: Emulator, words: Sequence[Sequence[int]]) -> str:
    """Return the SHA-256 of words of RDRAM, given as [first, end, stride], in hexadecimal."""
    digest = hashlib.sha256()
    for one in words:
        digest.update(emulator.rdram[slice(*one)].tobytes())
    return digest.hexdigest()
