"""A game that is played to learn how it works: step it, keep savestates, search its memory, name variables, try a
reward, and write a game folder.

session = Session("game.z64")
session.step(60, word=controller.A)
lives = session.search("u8").equal(3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from n64gym.drawing import Drawing
from n64gym.game_folder.expressions import BUILT_IN
from n64gym.game_folder.model import OWN_ROM, Action, Start
from n64gym.game_folder.program import Program
from n64gym.game_folder.reader import FILE, read_game
from n64gym.game_folder.starts import write_state
from n64gym.game_folder.table import GameError
from n64gym.game_folder.writer import write_game
from n64gym.integration.draft import Draft
from n64gym.integration.search import KINDS, Search
from n64gym.integration.trial import Trial
from n64gym.machine.console import CONSOLE, Console
from n64gym.machine.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.machine.rom import Rom, open_rom
from n64gym.machine.state import State
from n64gym.machine.supervisor import EmulatorSupervisor
from n64gym.movies import m64

FRAMESKIP = 4  # VIs of an agent's step, unless the game's folder says another number


class Moment(NamedTuple):
    """A moment that `save` keeps."""

    state: State
    was_written: bool  # `put` has changed memory before it, so the controller alone does not lead to it


class Session:
    """A running game, stopped between two steps.

    video, console, timeout: see N64Env. draft: what is known of the game. Raises RomError, EmulatorError, ValueError.
    After an EmulatorError, `load` and `power_on` start another emulator.
    """

    def __init__(
        self,
        rom: str | Path | Rom,
        *,
        video: str | None = None,
        console: Console = CONSOLE,
        timeout: float = 10.0,
        draft: Draft | None = None,
    ) -> None:
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.video = video
        self.console = Console.of(console)
        self.draft = draft or Draft()
        self.moments: dict[str, Moment] = {}
        self.trial: Trial | None = None
        """The reward so far, from the last `load`, `power_on`, `mark_start` or change of the draft on."""
        self._vis = 0  # VIs of the trial's present step
        self._was_written = False
        self._drawing = Drawing(video)
        look = ObservationFormat(12, 16, 1)  # for `Drawing`, which sees whether there is a picture
        self._supervisor = EmulatorSupervisor(
            lambda: Emulator(self.rom, video=video, observation=look, console=self.console, timeout=timeout)
        )
        self._supervisor.ready()
        self._begin_trial()

    @classmethod
    def of_folder(cls, rom: str | Path, folder: str | Path, *, video: str | None = None) -> Self:
        """Return a session that changes a game folder, or makes one if the folder has no game.toml.

        video: None means the game's plugin. Raises GameError, RomError, EmulatorError.
        """
        if not (Path(folder) / FILE).exists():
            return cls(rom, video=video)
        game, found = read_game(folder), open_rom(rom)
        if game.rom_sha1 not in (found.sha1, OWN_ROM):
            raise GameError(
                f"{folder} describes {game.name}, a ROM with SHA-1 {game.rom_sha1}; found {found.path.name} with "
                f"SHA-1 {found.sha1}"
            )
        console = CONSOLE._replace(controller_pak=game.controller_pak)
        return cls(found, video=video or game.video or None, console=console, draft=Draft.of(game))

    # Playing.

    @property
    def emulator(self) -> Emulator:
        """The emulator. Raises EmulatorError if it has died."""
        emulator = self._supervisor.emulator
        if emulator is None:
            raise EmulatorError("the emulator has died: load a savestate, or begin at power-on (reset)")
        return emulator

    @property
    def frameskip(self) -> int:
        """VIs of an agent's step."""
        return self.draft.base.frameskip if self.draft.base else FRAMESKIP

    def step(self, vis: int = 1, word: int = 0) -> None:
        """Play `vis` VIs (60 a second) with the controller held at `word`, see controller.word.

        Warns once if the game's picture is missing, and says why.
        """
        left, frameskip = vis, self.frameskip
        try:
            while left:
                now = min(left, frameskip - self._vis)
                self.emulator.step(now, word)
                left -= now
                self._vis = (self._vis + now) % frameskip
                if not self._drawing.known:
                    self._drawing.check(self.emulator)
                if self.trial and not self._vis:
                    self.trial.step(self.emulator, frameskip, word)
        except EmulatorError:
            self._supervisor.lose()
            self.trial = None
            raise

    def play(self, words: Iterable[int], vis: int = 1) -> None:
        """Hold each word for `vis` VIs."""
        for word in words:
            self.step(vis, word)

    def frame(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3]. No time passes."""
        return self.emulator.frame()

    def save(self, name: str = "") -> None:
        """Keep a savestate of this moment under a name. No time passes."""
        self.moments[name] = Moment(self.emulator.save_state(), self._was_written)

    def load(self, name: str = "") -> None:
        """Return to a savestate. Raises ValueError if there is none of this name."""
        if name not in self.moments:
            known = ", ".join(repr(one) for one in self.moments) or "a name, but there are none"
            raise ValueError(f"there is no savestate {name!r}; expected {known}")
        state, self._was_written = self.moments[name]
        self._supervisor.ready().load_state(state)
        self._begin_trial()

    def power_on(self) -> None:
        """Switch the console off and on."""
        self._supervisor.switched_on()
        self._was_written = False
        self._begin_trial()

    # Memory.

    def search(self, kind: str, align: int | None = None) -> Search:
        """Begin a search of memory."""
        return Search(lambda: self.emulator.rdram, kind, align)

    def values(self) -> dict[str, int | float]:
        """Return the present values of the variables, and of the expressions that the game names."""
        nothing: list[int | float] = [0] * len(self._program.names)
        found = self._program.read(self.emulator.memory, nothing[: len(BUILT_IN)], nothing)
        return dict(zip(self._program.names[len(BUILT_IN) :], found[len(BUILT_IN) :], strict=True))

    def put(self, name: str, value: float) -> None:
        """Write a variable's value to memory. Raises ValueError."""
        variable = self.draft.variables.get(name)
        if variable is None or variable.follow or variable.bits:
            expected = ", ".join(self.draft.variables) or "a name, but there are none"
            raise ValueError(f"{name!r} is not a variable at a fixed address; expected {expected}")
        kind = KINDS[variable.type]
        if variable.type != "f32" and not (value == int(value) and np.iinfo(kind).min <= value <= np.iinfo(kind).max):
            raise ValueError(f"{value} is not a value of type {variable.type}")
        getattr(self.emulator.memory, variable.type)[variable.address] = value
        self._was_written = True

    # The game's description.

    def name(self, name: str, address: int, kind: str) -> None:
        """Give the value at an address a name. Raises ValueError."""
        self._change(self.draft.add_variable, name, address, kind)

    def action(self, name: str, buttons: Iterable[str] = (), stick: tuple[int, int] = (0, 0)) -> None:
        """Add one of the agent's actions. Raises ValueError."""
        self._change(self.draft.add_action, name, Action(tuple(buttons), stick, name))

    def reward(self, name: str, expression: str) -> None:
        """Add a term of the reward. Raises ValueError."""
        self._change(self.draft.add_reward, name, expression)

    def done(self, name: str, condition: str) -> None:
        """Add a condition that ends an episode. Raises ValueError."""
        self._change(self.draft.add_done, name, condition)

    def limit(self, seconds: float) -> None:
        """Cut an episode off after so many seconds of the game's time. Raises ValueError."""
        self._change(self.draft.set_limit, seconds)

    def forget(self, name: str) -> None:
        """Remove everything of a name. Raises ValueError."""
        self._change(self.draft.forget, name)

    def _change(self, change: Callable[..., None], *arguments: object) -> None:
        change(*arguments)
        self._begin_trial()

    def mark_start(self, name: str = "start") -> None:
        """Let an episode begin at this moment. Also keeps a savestate of it. Raises ValueError."""
        movie, state = ("", f"{name}.state") if self._was_written else (f"{name}.m64", "")
        self._change(self.draft.add_start, name, Start(state, movie))
        self.save(name)

    def write(self, folder: str | Path) -> None:
        """Write the game folder. Raises ValueError if something is missing, OSError."""
        self.draft.check_whole()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, start in self.draft.starts.items():
            if name not in self.moments:  # it is in the folder already
                continue
            state = self.moments[name].state
            if start.state:
                write_state(state, folder, start.state)
            else:
                m64.write(folder / start.movie, self._movie(state))
        height, width, _ = self.frame().shape
        game = replace(self.draft.game(self.rom), picture=(height, width), video=self.video or "")
        write_game(replace(game, controller_pak=self.console.controller_pak), folder)

    def _movie(self, state: State) -> m64.M64:
        """Return the way from power-on to a savestate as a movie."""
        rom = self.rom
        return m64.M64(
            state.samples, state.vi_count, rom.name, rom.crc1, rom.country, vis_per_second=rom.vis_per_second
        )

    def _begin_trial(self) -> None:
        self._vis = 0
        emulator = self._supervisor.emulator
        self._program = Program(self.draft.game(self.rom))
        self.trial = Trial(self._program, emulator) if emulator else None

    def close(self) -> None:
        """End the emulator."""
        self._supervisor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
