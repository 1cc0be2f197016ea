"""The base class of all N64 environments. Each has one emulator, which is replaced when it dies. Observations are
pictures, and every reset loads a start state.

A subclass for a game defines the methods of `Game` (game.py).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from n64gym import settings
from n64gym.drawing import Drawing
from n64gym.episode import Begun, Outcome, Snapshot, StartError, check_arguments
from n64gym.game import Game
from n64gym.machine.console import CONSOLE, Console
from n64gym.machine.emulator import NATIVE_SIZE, Emulator, EmulatorError
from n64gym.machine.rom import Rom, open_rom
from n64gym.machine.supervisor import EmulatorSupervisor
from n64gym.observations import ObservationBuilder
from n64gym.random_presses import random_presses
from n64gym.road import RoadEdges
from n64gym.starts import Starts, code_hash, default_folder
from n64gym.window import Window
from n64gym.wrappers import hand_on_actions

VIS_PER_SECOND = 60
FIRST_VIS = 2  # VIs after a load until there is an observation
GPU_FIRST_VIS = 5  # VIs after a load until the GPU has drawn a picture
STARTS_TRIED = 3  # reset fails after this many emulator starts in a row


class N64Env(Game, gymnasium.Env[Any, Any]):
    """A game on one emulator.

    rom: path. obs_type: "rgb" uint8 [H, W, 3], "grayscale" uint8 [H, W] or "ram" uint8 [8388608] (RDRAM, big endian).
    keep_dim: grey pictures keep the axis of their channel, [H, W, 1], as Stable-Baselines3 expects pictures.
    size: (H, W) of picture observations; None: the game's size. Each pixel is the mean of the area that it covers.
    crop: observe only this part of the picture, (top, left, height, width) in its own pixels.
    telemetry: observations are Dict(picture, telemetry). telemetry is a float32 vector, one number per telemetry name.
    frameskip: VIs per step (60 per second, PAL: 50). noop_max: reset idles for 0 to noop_max VIs, drawn from the seed.
    random_max: then reset presses at random for 0 to random_max VIs, so that starts vary more.
    choices: values for the game's settings (see `settings`). From a list, each reset draws a value.
    cache: where start states are kept: True (the user's cache folder), another folder, or False (this process only).
    video: None, or the real video plugin ("glide64mk2", "rice", "own") for a ROM that draws with the GPU, see Emulator.
    video_size: (H, W) of the picture that it draws. A larger one is sharper for people, a smaller one is faster.
    console: the console's clock and paks: a Console, or some of its fields.
    controllers: the number of connected controllers, 1 to 4. Actions are those of controller 1. The others are neutral
        unless `hold` is called; `n64gym.parallel_env` gives each its own actions.
    timeout: seconds without an answer after which the emulator is replaced.
    Raises RomError, EmulatorError, ValueError.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium's name for it, replaced and never changed
        "render_modes": ["rgb_array", "human"],
        "render_fps": VIS_PER_SECOND,
        # For each number in info["metrics"]: its label, unit, whether it appears in a run's one-line summary, and how
        # several episodes are summarised: "mean", "least", "most", or "rate" for 0 or 1. A * matches any text.
        "figures": {
            "reward_*": {"label": "* reward"},
            "emulator_restarts": {"label": "emulators restarted", "summary": "most"},
        },
    }

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        obs_type: str = "rgb",
        size: tuple[int, int] | None = None,
        crop: tuple[int, int, int, int] | None = None,
        keep_dim: bool = False,
        telemetry: bool = False,
        frameskip: int = 4,
        render_mode: str | None = None,
        noop_max: int = 0,
        random_max: int = 0,
        choices: Mapping[str, Any] | None = None,
        cache: bool | str | Path = True,
        video: str | None = None,
        video_size: tuple[int, int] = NATIVE_SIZE,
        console: Console | Mapping[str, Any] = CONSOLE,
        controllers: int = 1,
        timeout: float = 10.0,
    ) -> None:
        check_arguments(frameskip, noop_max, random_max, render_mode, controllers)
        if telemetry and not self.telemetry_names:
            raise ValueError("telemetry is True, but this game has no vector of telemetry")
        self._choices = dict(choices or {})
        settings.check(self.settings, self._choices)
        self.render_mode = render_mode
        self.frameskip = frameskip
        self.observations = ObservationBuilder(
            obs_type, size, crop, self.native_size, self.telemetry_names if telemetry else (), keep_dim
        )
        self.observation_space = self.observations.space
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.metadata = {**self.metadata, "render_fps": self.rom.vis_per_second / frameskip}
        self.video = video
        self.video_size = video_size
        self.console = Console.of(console)
        self.controllers = controllers
        self._held = [0] * (controllers - 1)  # the words of controllers 2 to 4
        self._timeout = timeout
        self._drawing = Drawing(video) if obs_type != "ram" else None
        self._noop_max = noop_max
        self._random_max = random_max
        self._starts = Starts(default_folder() if cache is True else Path(cache) if cache else None)
        self._begun: Begun | None = None
        self._window: Window | None = None
        self._off = "an episode begins with reset: call it before step"  # why step is not allowed; empty in an episode
        self._start_vi = self._start_read = 0
        self._start_state = ""
        self._supervisor = EmulatorSupervisor(self._start_emulator)

    # The Gymnasium interface.

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Load the start state. Equal seeds give equal first observations.

        options: settings for this episode alone, as in `choices`.
        """
        super().reset(seed=seed)
        settings.check(self.settings, options or {})
        self._off = "the last reset has not come to its end: call reset again"
        self._held = [0] * (self.controllers - 1)
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
                self._starts.forget(self._what_starts(setup))  # the start state may be the cause
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
        """Return `begin_step` if it is safe to call for `env`, which is this environment in its wrappers.

        Returns None if a wrapper may change an action, because its `step` must run before the emulator does.
        """
        return self.begin_step if hand_on_actions(env) else None

    def begin_step(self, action: Any) -> None:
        """Start the emulator on `action`. The next `step` must get the same action, and only waits for the emulator.

        This lets several environments step in parallel. If the environment has wrappers, use `starter` instead.
        """
        if not self._off:
            with contextlib.suppress(EmulatorError):  # `step` fails the same way and reports it
                self._begun = self._begin(action)

    def hold(self, controller: int, action: Any) -> None:
        """Hold `action` on controller 2, 3 or 4 in the next steps, until another `hold` or reset.

        Raises ValueError for an invalid action, or if there is no such controller.
        """
        if not 2 <= controller <= self.controllers:
            raise ValueError(f"controller is {controller}; expected 2 to {self.controllers}, the number of controllers")
        self._held[controller - 2] = self._word(action)

    def _begin(self, action: Any) -> Begun:
        emulator, word = self._supervisor.emulator, self._word(action)
        if emulator is None:
            raise EmulatorError("the emulator has died; call reset")
        self.foresee(emulator, self.frameskip)
        emulator.step_async(self.frameskip, word, *self._held)
        return Begun(action, word)

    def foresee(self, emulator: Emulator, vis: int) -> None:
        """Tell the game, if it supports this, that no picture is read before the end of the next `vis` VIs."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Hold `action` for `frameskip` VIs. An emulator that dies ends the episode as truncated.

        Raises ValueError for an invalid action, ResetNeeded if no episode is in progress. If an interrupt cuts off a
        step (KeyboardInterrupt, a signal handler that raises), the emulator may or may not have run it. The next step
        continues from there, and its reward covers both steps."""
        if self._off:
            raise ResetNeeded(self._off)
        try:
            begun = self._begun or self._begin(action)
            emulator, self._begun = self._supervisor.emulator, None
            assert emulator is not None  # the step runs on it
            if begun.action is not action and begun.word != self._word(action):
                raise ValueError(f"step must get the action of begin_step, {begun.action}, found {action}")
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
        """Return the game's picture, uint8 [height, width, 3], in mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        if self.emulator is None:
            return np.zeros((*self.native_size, 3), np.uint8)
        return self.emulator.frame()

    def start(self) -> None:
        """Start the emulator now instead of at the first reset. Raises EmulatorError if it does not start."""
        self._supervisor.ready()

    def snapshot(self) -> Snapshot:
        """Return a snapshot of this moment, for `restore`. No time passes, and the episode does not change.

        A snapshot does not contain the state of wrappers or of the random generator that reset draws from. Raises
        ResetNeeded if no episode is in progress, EmulatorError.
        """
        if self._off or self.emulator is None or self._begun:
            raise ResetNeeded(self._off or "no snapshot now: a step is in progress, or the emulator has died")
        episode = {name: getattr(self, name) for name in self.remembers}
        return Snapshot(self.emulator.save_state(), *copy.deepcopy((episode, self.observations.last)))

    def restore(self, snapshot: Snapshot) -> Any:
        """Restore the machine and the episode's state, such as progress and rewards. Return that moment's observation.

        With a real video plugin, a few VIs pass until there is a picture again. Raises EmulatorError.
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

    # Start states.

    def _bring_to_start(self, setup: Mapping[str, Any]) -> Emulator:
        """Return an emulator with the start state loaded. Makes the start state if no valid one exists."""
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
            emulator = self._supervisor.switched_on()  # a new start state is made from power-on
            self._go_to_start(emulator, setup)
            state = emulator.save_state()
            emulator.load_state(state)
            self._check_start(emulator, setup)
            start = self._starts.keep(what, state)
        self._start_vi, self._start_read = emulator.vi_count, emulator.controller_reads
        self._start_state = start.sha256
        return emulator

    def _what_starts(self, setup: Mapping[str, Any]) -> dict[str, Any]:
        """Return all values that a start state depends on."""
        return {
            "game": type(self).__name__,
            "code": code_hash(type(self)),
            "rom": self.rom.sha1,
            "video": self.video,
            "console": self.console,
            "controllers": self.controllers,
            "setup": dict(self._what_matters(setup)),
        }

    # The emulator.

    @property
    def emulator(self) -> Emulator | None:
        """The running emulator; None before the first reset, and from its death to the next reset."""
        return self._supervisor.emulator

    @property
    def emulator_restarts(self) -> int:
        """The number of emulators that died since this environment was made."""
        return self._supervisor.restarts

    def road_edges(self) -> RoadEdges | None:
        """The road of this episode, for a map; None if the game has no road."""
        return self.road(self.emulator) if self.emulator else None

    def _start_emulator(self) -> Emulator:
        return Emulator(
            self.rom,
            video=self.video,
            video_size=self.video_size,
            observation=self.observations.format,
            controllers=self.controllers,
            console=self.console,
            timeout=self._timeout,
        )

    def observe(self, emulator: Emulator) -> Any:
        """Return the observation of an emulator that has just ended a step."""
        if self._drawing is not None and not self._drawing.known:
            self._drawing.check(emulator)
        return self.observations.make(emulator, self._telemetry(emulator) if self.observations.with_telemetry else None)

    def _count(self, info: dict[str, Any]) -> None:
        """Add VIs and controller reads since the start state, and emulators replaced since the environment was made."""
        info["emulator_restarts"] = self._supervisor.restarts
        emulator = self._supervisor.emulator
        if emulator is not None:
            info["vis"] = emulator.vi_count - self._start_vi
            info["controller_reads"] = emulator.controller_reads - self._start_read

    def _show(self) -> None:
        if self.render_mode == "human" and self.emulator is not None:
            if self._window is None:
                self._window = Window("n64gym")
            self._window.show(self.emulator.frame, self.metadata["render_fps"])
