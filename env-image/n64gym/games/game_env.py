"""n64gym/Game-v0: a game that a folder with game.toml describes, without code. docs/games.md says how to write one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium

from n64gym.episode import Outcome, StartError
from n64gym.game_folder import starts
from n64gym.game_folder.actions import action_space
from n64gym.game_folder.expressions import BUILT_IN, Number, result
from n64gym.game_folder.files import read_file
from n64gym.game_folder.model import GameFile
from n64gym.game_folder.program import Program
from n64gym.game_folder.reader import read_game
from n64gym.game_folder.rom_search import rom_of
from n64gym.game_folder.table import GameError
from n64gym.machine.controller import stick_of
from n64gym.machine.emulator import Emulator
from n64gym.n64_env import N64Env
from n64gym.settings import Setting

STEPS = list(BUILT_IN).index("steps")


class GameEnv(N64Env):
    """A game folder as an environment.

    game: the folder, or a GameFile whose starts need no files. rom: the ROM file, or a folder in which it is searched
    for by its SHA-1; not needed for Open Kart. start: the name of one of the game's starts, or a list of names from
    which each reset draws. The `options` of reset have the same name. Other arguments: see N64Env; the game sets
    defaults for frameskip and video.

    info: all variables and values; `reward_terms`; in the last step also `ended`, the name of the condition or limit,
    and `metrics`, the episode's figures.
    """

    remembers = (*N64Env.remembers, "_now", "_highest", "_highest_vi", "_totals")

    def __init__(
        self,
        game: str | Path | GameFile = "",
        rom: str | Path | None = None,
        *,
        start: Any = None,
        frameskip: int = 0,
        video: str | None = "",
        console: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        if not isinstance(game, GameFile) and not str(game):
            raise GameError(
                'n64gym/Game-v0 needs a game folder: gymnasium.make("n64gym/Game-v0", game="/path/to/folder")'
            )
        self.folder = Path() if isinstance(game, GameFile) else Path(game)
        self.game = game if isinstance(game, GameFile) else read_game(game)
        names = tuple(self.game.starts)
        self.settings = {"start": Setting(names, names[0])}  # type: ignore[misc]
        self.telemetry_names = tuple(self.game.telemetry)  # type: ignore[misc]
        self.native_size = self.game.picture  # type: ignore[misc]
        figures = {
            name: {"summary": one.summary, "headline": one.headline}
            | ({"label": one.label} if one.label else {})
            | ({"unit": one.unit} if one.unit else {})
            for name, one in self.game.figures.items()
        }
        self.metadata = {**self.metadata, "figures": {**figures, **self.metadata["figures"]}}
        self._actions = action_space(self.game.actions)
        self.action_space = self._actions.space()
        self._compiled: Program | None = None  # made when it is needed, so that an unused environment can be pickled
        self._now: list[Number] = []
        super().__init__(
            rom_of(self.game, rom or ""),
            choices={} if start is None else {"start": start},
            frameskip=frameskip or self.game.frameskip,
            video=(self.game.video or None) if video == "" else video,
            console={"controller_pak": self.game.controller_pak, **(console or {})},
            **settings,
        )

    @property
    def program(self) -> Program:
        """The game's variables and expressions."""
        if self._compiled is None:
            self._compiled = Program(self.game)
        return self._compiled

    @classmethod
    def title(cls, setup: Mapping[str, Any]) -> str:
        """Return the name of the start."""
        return str(setup.get("start", ""))

    def get_action_meanings(self) -> list[str]:
        """Return the names of the actions, or of an action's parts. The method's name is ALE's."""
        return self._actions.names()

    def action_of(self, word: int) -> Any:
        """Return the action nearest to a controller word."""
        return self._actions.action(word)

    def _word(self, action: Any) -> int:
        return self._actions.word(action)

    # The start.

    def _what_starts(self, setup: Mapping[str, Any]) -> dict[str, Any]:
        start = self.game.starts[setup["start"]]
        names = [name for name in (start.state, start.movie) if name]
        content = [hashlib.sha256(read_file(self.folder, name)).hexdigest() for name in names]
        return super()._what_starts(setup) | {"way": repr(start), "files": content}

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        start = self.game.starts[setup["start"]]
        if start.state:
            emulator.load_state(starts.read_state(self.folder, start.state))
        elif start.movie:
            emulator.load_state(self._state_after(start.movie))
        else:
            starts.press(
                emulator, start.presses, lambda text: self._holds(emulator, text), lambda: self._shown(emulator)
            )

    def _state_after(self, movie: str) -> Any:
        """Return the savestate at the end of a movie of the folder."""
        found = starts.read_movie(self.folder, movie, self.rom)
        with Emulator(self.rom, video=self.video, console=self.console, movie=found.samples) as player:
            player.step(max(1, found.vis - player.vi_count))
            return player.save_state()

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        check = self.game.starts[setup["start"]].check
        if check and not self._holds(emulator, check):
            raise StartError(
                f"{self.game.name}: at the start {setup['start']!r}, {check!r} does not hold: "
                f"found {self._shown(emulator)}"
            )

    def _fresh(self, emulator: Emulator) -> list[Number]:
        """Return the values at the start of an episode: all values before are 0."""
        program = self.program
        return program.read(emulator.memory, [0] * len(BUILT_IN), [0] * len(program.names))

    def _holds(self, emulator: Emulator, text: str) -> bool:
        now = self._fresh(emulator)
        return bool(result(self.program.condition(text), now, [0] * len(now)))

    def _shown(self, emulator: Emulator) -> str:
        now = dict(zip(self.program.names, self._fresh(emulator), strict=True))
        return ", ".join(f"{name} {now[name]:g}" for name in (*self.game.variables, *self.game.values))[:500]

    # An episode.

    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        self._now = self._fresh(emulator)
        progress = self.program.progress
        self._highest: Number = result(progress, self._now, self._now) if progress else 0
        self._highest_vi: Number = 0
        self._totals = dict.fromkeys(self.program.reward, 0.0)
        return self._describe()

    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        program, before = self.program, self._now
        vis = self.frameskip
        elapsed = before[STEPS] + 1
        x, y = stick_of(word)
        vis_so_far = elapsed * vis
        rate = self.rom.vis_per_second
        built_in = [vis, vis / rate, vis_so_far / rate, elapsed, x, y]
        now = self._now = program.read(emulator.memory, built_in, before)
        reward, shares = 0.0, {}
        for name, function in program.reward.items():
            share = float(result(function, now, before))
            shares[name] = share
            self._totals[name] += share
            reward += share
        done = next((name for name, function in program.done.items() if result(function, now, before)), "")
        cut = "" if done else self._cut_off(now, before, vis_so_far)
        info = self._describe()
        info["reward_terms"] = shares
        if done or cut:
            info["ended"] = done or cut
            info["metrics"] = self._metrics(before)
        return Outcome(reward, bool(done), bool(cut), info)

    def _cut_off(self, now: list[Number], before: list[Number], vis: Number) -> str:
        """Return the name of the condition or limit that cuts the episode off; "" if none does."""
        program, rate = self.program, self.rom.vis_per_second
        if program.progress:
            progress = result(program.progress, now, before)
            if progress > self._highest:
                self._highest, self._highest_vi = progress, vis
            if self.game.stuck_limit and vis - self._highest_vi >= self.game.stuck_limit * rate:
                return "stuck"
        if vis >= self.game.time_limit * rate:
            return "time"
        return next((name for name, function in program.truncated.items() if result(function, now, before)), "")

    def _describe(self) -> dict[str, Any]:
        info: dict[str, Any] = dict(zip(self.program.names[len(BUILT_IN) :], self._now[len(BUILT_IN) :], strict=True))
        if self.program.lap_times:
            times = [float(result(function, self._now, self._now)) for function in self.program.lap_times]
            info["lap_times"] = tuple(time for time in times if time > 0)
        return info

    def _metrics(self, before: list[Number]) -> dict[str, float]:
        program, now = self.program, self._now
        found = {
            name: float(result(function, now, before))
            for name, function in program.figures.items()
            if name not in program.when or result(program.when[name], now, before)
        }
        totals = {f"reward_{name}": total for name, total in self._totals.items()}
        return found | totals | {"emulator_restarts": float(self.emulator_restarts)}

    def _telemetry(self, emulator: Emulator) -> list[float]:
        return [float(result(function, self._now, self._now)) for function in self.program.telemetry]

    def live_figures(self, info: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the game's values as texts."""
        return [(name, f"{info[name]:g}") for name in self.game.values if name in info]


def make_game(game: str | Path, rom: str | Path = "", **arguments: Any) -> Any:
    """Return gymnasium.make("n64gym/Game-v0") for a game folder."""
    return gymnasium.make("n64gym/Game-v0", game=str(game), rom=str(rom), **arguments)
