"""Plays movies back, detects where one diverges, and yields demonstrations for imitation learning."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.machine.console import Console
from n64gym.machine.emulator import NATIVE_SIZE, Emulator, ObservationFormat
from n64gym.machine.rom import OPEN_KART, open_rom
from n64gym.machine.shared import SAMPLES
from n64gym.movies import m64
from n64gym.movies.facts import CHECK_BYTES, read_facts
from n64gym.movies.m64 import MovieError, OtherRomError
from n64gym.movies.record import Watch, rdram_hash
from n64gym.n64_env import N64Env

FOREIGN_FRAMESKIP = 4  # VIs per step, for a movie that does not state it
UNKNOWN_LENGTH = 60 * 60 * 60 * 4  # VIs: length of a movie that does not state it, four hours


class Playback:
    """A movie that plays from power-on in a new emulator. Movies of other programs, which have no JSON, also play.

    rom: default Open Kart. observation, video, video_size: see Emulator.
    Raises MovieError, RomError, EmulatorError.
    """

    def __init__(
        self,
        path: str | Path,
        rom: str | Path | None = None,
        *,
        observation: ObservationFormat | None = None,
        video: str | None = None,
        video_size: tuple[int, int] = NATIVE_SIZE,
    ) -> None:
        self.path = Path(path)
        self.movie = m64.read(path)
        self.facts = read_facts(self.path)
        rom_file = open_rom(rom or OPEN_KART)
        wanted = self.facts["rom"]["sha1"] if self.facts else f"{self.movie.crc1:08X}"
        found = rom_file.sha1 if self.facts else f"{rom_file.crc1:08X}"
        if found != wanted:
            what = "SHA-1" if self.facts else "header CRC1"
            raise OtherRomError(
                f"{self.path} was recorded on another ROM: it names {self.movie.rom_name!r} with {what} {wanted}; "
                f"found {rom_file.title!r} ({rom_file.path.name}) with {found}; give the right file with rom= or --rom"
            )
        if len(self.movie.samples) > SAMPLES:
            raise MovieError(f"{self.path} has {len(self.movie.samples)} samples; at most {SAMPLES} can be played")
        self._last_vi = self.facts["ends"]["vi"] if self.facts else self.movie.vis or UNKNOWN_LENGTH
        self._checks = base64.b64decode(self.facts.get("checks", ""))
        self._step = 0
        self.diverged = ""  # description of the divergence
        self.video = video or self.facts.get("video")
        """The real video plugin that draws, or None."""
        earlier = {"rsp": "hle"}  # of movies whose JSON does not say it
        other = {"controller_pak": self.movie.controller_pak}  # of a movie of another program
        console = Console.of({**earlier, **self.facts.get("console", {})} if self.facts else other)
        self.emulator = Emulator(
            rom_file,
            observation=observation,
            video=self.video,
            video_size=video_size,
            controllers=self.movie.ports,
            console=console,
            movie=self.movie.samples,
        )
        self._watch = Watch(self.emulator, self.facts.get("watch", []))
        self._until_check = self.frameskip
        if self.facts:
            self.go_on(self.facts["begins"]["vi"] - self.emulator.vi_count)
        self._checked = self.emulator.movie_position  # samples that have been checked

    @property
    def frameskip(self) -> int:
        """VIs per step of the recording."""
        return self.facts.get("frameskip", FOREIGN_FRAMESKIP)

    @property
    def over(self) -> bool:
        """Whether the movie has ended."""
        done = not self.facts and self.emulator.movie_position >= len(self.movie.samples)
        return done or self.emulator.vi_count >= self._last_vi

    def step(self) -> NDArray[np.uint32]:
        """Play `frameskip` more VIs. Return the samples that the game read."""
        before = self.emulator.movie_position
        self.advance(self.frameskip)
        return self.movie.samples[before : self.emulator.movie_position]

    def advance(self, vis: int) -> None:
        """Play `vis` more VIs, at most to the end. Compare the run with the recording at the end of each step."""
        while vis > 0 and not self.over:
            part = min(vis, self._until_check)
            self.go_on(part)
            vis -= part
            self._until_check -= part
            if self._until_check == 0:
                self._until_check = self.frameskip
                self._check()

    def _check(self) -> None:
        """Compare the step that has just ended with the recording."""
        if not self.facts or self.diverged:
            return
        position, count = self.emulator.movie_position, len(self.movie.samples)
        expected = self._checks[self._step * CHECK_BYTES : (self._step + 1) * CHECK_BYTES]
        if self._watch.look() != expected:
            self.diverged = f"diverged between samples {self._checked} and {position} of {count}"
        self._step += 1
        self._checked = position
        if self.over and not self.diverged:
            found_at_end = rdram_hash(self.emulator, self.facts["watch_at_end"])
            if found_at_end != self.facts["rdram_sha256"]:
                self.diverged = "ended with other contents of RDRAM, though all checked words were equal"

    def close(self) -> None:
        """End the emulator."""
        self.emulator.close()

    def go_on(self, vis: int) -> NDArray[np.uint32]:
        """Play `vis` more VIs without checks. Return the samples that the game read."""
        before = self.emulator.movie_position
        if vis > 0:
            self.emulator.step(vis)
        return self.movie.samples[before : self.emulator.movie_position]


class Demonstration(NamedTuple):
    """A step of a demonstration."""

    observation: Any  # before the step
    action: Any  # the environment's nearest action


def demonstrations(path: str | Path, env: N64Env) -> Iterator[Demonstration]:
    """Play a movie and yield its episode as steps of `env` (unwrapped): observation and nearest action.

    Raises MovieError, RomError, EmulatorError.
    """
    observation = env.observations.format
    playback = Playback(path, env.rom.path, observation=observation, video=env.video, video_size=env.video_size)
    try:
        if len(playback.movie.ports) > 1:
            raise MovieError(f"{path} has {len(playback.movie.ports)} controllers; expected one player's movie")
        held = 0
        while not playback.over:
            in_play = env.in_play(playback.emulator)
            observation = env.observe(playback.emulator) if in_play else None
            words = playback.go_on(env.frameskip)
            # A game that reads no controller in this step still acts on the last word.
            held = int(words[len(words) // 2]) if len(words) else held
            if in_play:
                yield Demonstration(observation, env.action_of(held))
    finally:
        playback.close()
