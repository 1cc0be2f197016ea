"""What all N64 environments share: one emulator, pictures as observations, a start state loaded at every reset, and an
emulator that is replaced when it dies.

A game's environment says how its actions become controller words, how the start is reached, and what a step was worth.
"""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from n64gym import settings
from n64gym.episode import Begun, Outcome, Snapshot, StartError
from n64gym.machine.emulator import Emulator, EmulatorError
from n64gym.machine.rom import Rom, open_rom
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.machine.supervisor import EmulatorSupervisor
from n64gym.observations import ObservationBuilder
from n64gym.random_presses import random_presses
from n64gym.road import RoadEdges
from n64gym.starts import Starts, code_hash, default_folder
from n64gym.window import Window
from n64gym.wrappers import hand_on_actions

VIS_PER_SECOND = 60
FIRST_VIS = 2  # after a load, until there is an observation
GPU_FIRST_VIS = 5  # until the GPU has drawn a picture again, too
STARTS_TRIED = 3  # emulators started in a row before reset gives up


class N64Env(gymnasium.Env[Any, Any], ABC):
    """A game on one emulator.

    rom: path. obs_type: "rgb" uint8 [H, W, 3], "grayscale" uint8 [H, W] or "ram" uint8 [8388608] (RDRAM, big endian).
    size: (H, W) of picture observations, the game's own if None; each pixel is the mean of the area that it covers.
    crop: only this part of the picture, (top, left, height, width) in the game's own pixels.
    telemetry: observations are Dict(picture, telemetry), a float32 vector with a place for each of `telemetry_names`.
    frameskip: VIs a step (60 a second). noop_max: reset idles a random 0 to noop_max VIs, drawn from the seed.
    random_max: then it presses at random for 0 to random_max VIs, so that episodes begin where nobody goes on purpose.
    choices: the game's settings (see `settings`) that are not the default; a list is drawn from at each reset.
    cache: where start states are kept: True (the user's cache folder), another folder, or False (this process only).
    video: None, or the real video plugin ("glide64mk2", "rice") for a ROM that draws with the GPU.
    timeout: seconds after which an emulator that does not answer is replaced.
    Raises RomError, EmulatorError, ValueError.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium's name for it, replaced and never changed
        "render_modes": ["rgb_array", "human"],
        "render_fps": VIS_PER_SECOND,
        # About the numbers in info["metrics"]: label, unit, whether it stands in a line about a run, and how several
        # episodes are summed up: "mean", "least", "most", or "rate" of what is 0 or 1. A * stands for any text.
        "figures": {
            "reward_*": {"label": "* reward"},
            "emulator_restarts": {"label": "emulators restarted", "summary": "most"},
        },
    }
    native_size: ClassVar[tuple[int, int]] = (240, 320)
    settings: ClassVar[Mapping[str, settings.Setting]] = {}
    telemetry_names: ClassVar[tuple[str, ...]] = ()
    watch: ClassVar[Sequence[list[int]]] = ([0, RDRAM_BYTES // 4, 509],)
    """Words of RDRAM, [first, end, stride], by which a movie's playback is compared after every step."""
    watch_at_end: ClassVar[Sequence[list[int]]] = ([0, RDRAM_BYTES // 4, 1],)
    """Likewise, at the movie's end: all that does not depend on who looks."""
    remembers: ClassVar[tuple[str, ...]] = ("_start_vi", "_start_read", "_start_state")
    """Attributes that hold what an episode has come to; a game adds its own. A snapshot has copies of them."""

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        obs_type: str = "rgb",
        size: tuple[int, int] | None = None,
        crop: tuple[int, int, int, int] | None = None,
        telemetry: bool = False,
        frameskip: int = 4,
        render_mode: str | None = None,
        noop_max: int = 0,
        random_max: int = 0,
        choices: Mapping[str, Any] | None = None,
        cache: bool | str | Path = True,
        video: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        if frameskip < 1:
            raise ValueError(f"frameskip is {frameskip}; expected the number of VIs a step, 1 or more")
        for name, vis in (("noop_max", noop_max), ("random_max", random_max)):
            if vis < 0:
                raise ValueError(f"{name} is {vis}; expected the number of VIs at most, 0 or more")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}; expected None, "rgb_array" or "human"')
        if telemetry and not self.telemetry_names:
            raise ValueError("telemetry is True, but this game has no vector of telemetry")
        self._choices = dict(choices or {})
        settings.check(self.settings, self._choices)
        self.render_mode = render_mode
        self.frameskip = frameskip
        self.metadata = {**self.metadata, "render_fps": VIS_PER_SECOND / frameskip}
        self.observations = ObservationBuilder(
            obs_type, size, crop, self.native_size, self.telemetry_names if telemetry else ()
        )
        self.observation_space = self.observations.space
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.video = video
        self._timeout = timeout
        self._may_lack_picture = video is None and obs_type != "ram"
        self._noop_max = noop_max
        self._random_max = random_max
        self._starts = Starts(default_folder() if cache is True else Path(cache) if cache else None)
        self._begun: Begun | None = None
        self._window: Window | None = None
        self._off = "an episode begins with reset: call it before step"  # why no step can be taken; empty in an episode
        self._start_vi = self._start_read = 0
        self._start_state = ""
        self._supervisor = EmulatorSupervisor(self._start_emulator)

    # What a game adds.

    @abstractmethod
    def _word(self, action: Any) -> int:
        """The controller word of `action`."""

    def action_of(self, word: int) -> Any:
        """The action nearest to a controller word."""
        raise ValueError(f"{type(self).__name__} cannot tell which action a controller word is")

    def in_play(self, emulator: Emulator) -> bool:
        """Whether an episode could be on, rather than a menu."""
        return True

    @classmethod
    def title(cls, setup: Mapping[str, Any]) -> str:
        """What an episode of this setup is played on, such as its course, in words; empty if there is only one."""
        return ""

    @classmethod
    def position(cls, emulator: Emulator) -> tuple[float, float] | None:
        """Where the player is, to the right and up on a map; None if the game does not tell."""
        return None

    @classmethod
    def road(cls, emulator: Emulator) -> RoadEdges | None:
        """The road that is driven, in the units of `position`; None if the game does not tell."""
        return None

    def _what_matters(self, setup: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the setup makes a difference to the start."""
        return setup

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        """Bring a game that has just been switched on to where episodes begin; raises RomError if it cannot be."""

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        """Raise StartError, with what was found, unless the game is where episodes of this setup begin."""

    @abstractmethod
    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        """The game is at its start: forget the last episode; returns the info of reset."""

    @abstractmethod
    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        """What the step that has just ended, with `word` held, was worth."""

    def live_figures(self, info: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What a viewer of the game wants to read beside it: names and texts, out of the info of a step or reset."""
        return []

    def _telemetry(self, emulator: Emulator) -> list[float]:
        """The numbers that go with `telemetry_names`."""
        return []

    # Gymnasium's interface.

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Load the start state. The same seed begins with the same observation.

        options: settings for this episode alone, as in `choices`.
        """
        super().reset(seed=seed)
        settings.check(self.settings, options or {})
        self._off = "the last reset has not come to its end: call reset again"
        setup = settings.draw(self.settings, {**self._choices, **(options or {})}, self.np_random)
        noops = int(self.np_random.integers(self._noop_max + 1)) if self._noop_max else 0
        presses: list[tuple[int, int]] = []
        if self._random_max:
            presses = random_presses(self.np_random, self.action_space, self._word, self._random_max)
        for tries_left in reversed(range(STARTS_TRIED)):
            try:
                emulator = self._bring_to_start(setup)
                emulator.step((GPU_FIRST_VIS if self.video else FIRST_VIS) + noops)
                for vis, word in presses:
                    emulator.step(vis, word)
                info = self._begin_episode(emulator, setup)
                break
            except EmulatorError:
                self._supervisor.lose()
                self._starts.forget(self._what_starts(setup))  # it may be what is wrong
                if not tries_left:
                    raise
        observation = self.observe(emulator)
        self._show()
        info.update(setup=setup, title=self.title(setup), start_noops=noops, start_state=self._start_state)
        info["start_random"] = sum(vis for vis, _ in presses)
        self._count(info)
        self._off = ""
        return observation, info

    def starter(self, env: gymnasium.Env[Any, Any]) -> Callable[[Any], None] | None:
        """Return `begin_step` if `env`, which is this environment in its wrappers, may be begun that way.

        None if a wrapper could change an action: its step must run before the emulator's does.
        """
        return self.begin_step if hand_on_actions(env) else None

    def begin_step(self, action: Any) -> None:
        """Let the emulator run ahead with `action`; the next `step`, given the same action, only waits for it.

        So several environments can step side by side. Where wrappers stand around it, ask `starter` first.
        """
        if not self._off:
            with contextlib.suppress(EmulatorError):  # step meets it, too, and says so
                self._begun = self._begin(action)

    def _begin(self, action: Any) -> Begun:
        emulator, word = self.emulator, self._word(action)
        if emulator is None:
            raise EmulatorError("the emulator has died; call reset")
        self._foresee(emulator)
        emulator.step_async(self.frameskip, word)
        return Begun(action, word)

    def _foresee(self, emulator: Emulator) -> None:
        """Tell the game, if it listens, that nobody will look before `frameskip` more VIs have passed."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Hold `action` for `frameskip` VIs. An emulator that dies ends the episode as truncated.

        Raises ValueError for what is not an action, ResetNeeded if no episode is on. If an interrupt cuts a step off
        (KeyboardInterrupt, a signal handler that raises), it has been taken or it has not; the next one goes on from
        there, and its reward is for both.
        """
        if self._off:
            raise ResetNeeded(self._off)
        try:
            begun = self._begun or self._begin(action)
            emulator, self._begun = self.emulator, None
            assert emulator is not None  # it is where the step is under way
            if begun.action is not action and begun.word != self._word(action):
                raise ValueError(f"step was given {action}; begin_step was given {begun.action}")
            emulator.step_wait()
            outcome = self._judge(emulator, begun.word)
            observation = self.observe(emulator)
        except EmulatorError as error:
            self._supervisor.lose()
            observation = self.observations.repeat()
            metrics = {"emulator_restarts": float(self.emulator_restarts)}
            outcome = Outcome(0.0, False, True, {"emulator_error": str(error), "metrics": metrics})
        self._show()
        self._count(outcome.info)
        return observation, outcome.reward, outcome.terminated, outcome.truncated, outcome.info

    def render(self) -> NDArray[np.uint8] | None:
        """The picture as the game shows it, uint8 [height, width, 3], in mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        if self.emulator is None:
            return np.zeros((*self.native_size, 3), np.uint8)
        return self.emulator.frame()

    def start(self) -> None:
        """Start the emulator now rather than at the first reset. Raises EmulatorError if it cannot be started."""
        self._supervisor.ready()

    def snapshot(self) -> Snapshot:
        """This moment of the episode, to come back to with `restore`. No time passes: the episode goes on as if nothing
        had been done.

        What wrappers know of the episode, and the random numbers that reset draws from, are not in it. Raises
        ResetNeeded if no episode is on, EmulatorError.
        """
        if self._off or self.emulator is None or self._begun:
            raise ResetNeeded(self._off or "there is no moment to keep: a step is under way, or the emulator has died")
        episode = {name: getattr(self, name) for name in self.remembers}
        return Snapshot(self.emulator.save_state(), *copy.deepcopy((episode, self.observations.last)))

    def restore(self, snapshot: Snapshot) -> Any:
        """Bring back the machine, the way made, the rewards given so far; returns that moment's observation.

        With a real video plugin it takes a few VIs until there is a picture again. Raises EmulatorError.
        """
        self._off, self._begun = "the last restore has not come to its end: call it again, or reset", None
        try:
            self._supervisor.ready().load_state(snapshot.state)
        except EmulatorError:
            self._supervisor.lose()
            raise
        episode, self.observations.last = copy.deepcopy((snapshot.episode, snapshot.observation))
        for name, value in episode.items():
            setattr(self, name, value)
        self._off = ""
        return self.observations.last

    def close(self) -> None:
        """End the emulator."""
        self._off = "the environment is closed: make another, or call reset to start its emulator again"
        self._begun = None
        self._supervisor.close()
        if self._window is not None:
            self._window.close()
            self._window = None

    # The start.

    def _bring_to_start(self, setup: Mapping[str, Any]) -> Emulator:
        """An emulator at the start: the start state loaded, after it has been made if there is none that is right."""
        what = self._what_starts(setup)
        self._begun = None
        emulator = self._supervisor.ready()
        start = self._starts.find(what)
        if start is not None:
            emulator.load_state(start.state)
            try:
                self._check_start(emulator, setup)
            except StartError:
                self._starts.forget(what)
                start = None
        if start is None:
            emulator = self._supervisor.switched_on()  # the way to the start begins at power-on
            self._go_to_start(emulator, setup)
            state = emulator.save_state()
            emulator.load_state(state)
            self._check_start(emulator, setup)
            start = self._starts.keep(what, state)
        self._start_vi, self._start_read = emulator.vi_count, emulator.controller_reads
        self._start_state = start.sha256
        return emulator

    def _what_starts(self, setup: Mapping[str, Any]) -> dict[str, Any]:
        """What a start state depends on."""
        return {
            "game": type(self).__name__,
            "code": code_hash(type(self)),
            "rom": self.rom.sha1,
            "video": self.video,
            "setup": dict(self._what_matters(setup)),
        }

    # The emulator.

    @property
    def emulator(self) -> Emulator | None:
        """The running emulator; None before the first reset, and between its death and the next one."""
        return self._supervisor.emulator

    @property
    def emulator_restarts(self) -> int:
        """Emulators that died and were replaced, since this environment was made."""
        return self._supervisor.restarts

    def road_edges(self) -> RoadEdges | None:
        """The road of this episode, for a map; None if the game does not tell."""
        return self.road(self.emulator) if self.emulator else None

    def _start_emulator(self) -> Emulator:
        return Emulator(self.rom, video=self.video, observation=self.observations.format, timeout=self._timeout)

    def observe(self, emulator: Emulator) -> Any:
        """What is seen of an emulator that has just ended a step."""
        if self._may_lack_picture and emulator.display_lists:
            self._may_lack_picture = False
            gymnasium.logger.warn('this game draws with the GPU, so its picture is missing: pass video="glide64mk2"')
        return self.observations.make(emulator, self._telemetry(emulator) if self.observations.with_telemetry else None)

    def _count(self, info: dict[str, Any]) -> None:
        """VIs and controller reads since the start state; emulators replaced since the environment was made."""
        info["emulator_restarts"] = self.emulator_restarts
        if self.emulator is not None:
            info["vis"] = self.emulator.vi_count - self._start_vi
            info["controller_reads"] = self.emulator.controller_reads - self._start_read

    def _show(self) -> None:
        if self.render_mode == "human" and self.emulator is not None:
            if self._window is None:
                self._window = Window("n64gym")
            self._window.show(self.emulator.frame, self.metadata["render_fps"])
