"""The description of a game while it is being made: it becomes a game folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from n64gym.game_folder.expressions import BUILT_IN, ExpressionError, build, check_name
from n64gym.game_folder.model import OWN_ROM, TYPES, Action, Actions, GameFile, Start, Variable
from n64gym.game_folder.reader import MAX_LIMIT_S
from n64gym.integration.pad import text_of
from n64gym.integration.search import KSEG0
from n64gym.machine.rom import OPEN_KART, Rom
from n64gym.machine.shared import RDRAM_BYTES


@dataclass
class Draft:
    """What is known of a game so far. The methods raise ValueError for what a game folder cannot have."""

    variables: dict[str, Variable] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    reward: dict[str, str] = field(default_factory=dict)  # terms
    done: dict[str, str] = field(default_factory=dict)  # conditions
    starts: dict[str, Start] = field(default_factory=dict)
    time_limit: float = 300.0  # seconds
    base: GameFile | None = None  # has what this class does not know of; kept as it is

    @classmethod
    def of(cls, game: GameFile) -> Draft:
        """Return a draft that changes a game."""
        actions = {one.name or f"action_{number}": one for number, one in enumerate(game.actions.list)}
        return cls(
            dict(game.variables), actions, dict(game.reward), dict(game.done), dict(game.starts), game.time_limit, game
        )

    def add_variable(self, name: str, address: int, kind: str) -> None:
        """Name the value at an address (80000000 to 807FFFFF)."""
        check_name(name)
        if kind not in TYPES:
            raise ValueError(f"type is {kind!r}; expected {', '.join(TYPES)}")
        size = TYPES[kind].size
        if not KSEG0 <= address <= KSEG0 + RDRAM_BYTES - size or address % size:
            multiple = f", a multiple of {size}" if size > 1 else ""
            raise ValueError(f"address is {address:08X}; expected 80000000 to 807FFFFF{multiple}")
        self.variables[name] = Variable(address, kind)

    def add_action(self, name: str, action: Action) -> None:
        """Add one of the agent's actions, or replace it."""
        check_name(name)
        self.actions[name] = action

    def add_reward(self, name: str, expression: str) -> None:
        """Add a term of the reward, or replace it."""
        self._check(name, expression)
        self.reward[name] = expression

    def add_done(self, name: str, condition: str) -> None:
        """Add a condition that ends an episode, or replace it."""
        self._check(name, condition)
        self.done[name] = condition

    def add_start(self, name: str, start: Start) -> None:
        """Add a way to the start of an episode, or replace it."""
        check_name(name)
        self.starts[name] = start

    def set_limit(self, seconds: float) -> None:
        """Set the time after which an episode is cut off."""
        if not 0.1 <= seconds <= MAX_LIMIT_S:
            raise ValueError(f"limit: found {seconds}, expected 0.1 to {MAX_LIMIT_S:g} seconds")
        self.time_limit = float(seconds)

    def forget(self, name: str) -> None:
        """Remove everything of a name. Raises ValueError if nothing has it, or an expression needs it."""
        parts: tuple[dict, ...] = (self.reward, self.done, self.actions, self.starts)
        if name in self.variables:
            others = {key: one for key, one in self.variables.items() if key != name}
            for term, expression in (*self.reward.items(), *self.done.items()):
                if term != name:
                    self._check(term, expression, others)
            parts = (*parts, self.variables)
        if not any(name in part for part in parts):
            known = ", ".join(key for part in (*parts, self.variables) for key in part) or "a name, but there are none"
            raise ValueError(f"nothing has the name {name!r}; expected {known}")
        for part in parts:
            part.pop(name, None)

    def game(self, rom: Rom) -> GameFile:
        """Return the game so far."""
        title = "".join(one for one in rom.name if one.isprintable())
        sha1 = OWN_ROM if rom.path == OPEN_KART.resolve() else rom.sha1
        base = self.base or GameFile(title or rom.path.stem, sha1, title, {}, Actions(), {})
        return replace(
            base,
            variables=self.variables,
            actions=Actions(list=tuple(self.actions.values())) if self.actions else base.actions,
            starts=self.starts,
            reward=self.reward,
            done=self.done,
            time_limit=self.time_limit,
        )

    def check_whole(self) -> None:
        """Raise ValueError, which names the missing command, unless an agent can be trained in the game."""
        for part, command in (
            (self.actions or (self.base and self.base.actions != Actions()), "action NAME BUTTONS"),
            (self.reward, "reward NAME EXPRESSION"),
            (self.starts, "start"),
        ):
            if not part:
                raise ValueError(f"the game has no {command.split()[0]} yet; expected the command: {command}")

    def described(self) -> str:
        """Return everything as lines."""
        lines = [
            *(f"variable {name}: {one.address:08X} {one.type}" for name, one in self.variables.items()),
            *(f"action {name}: {text_of(one)}" for name, one in self.actions.items()),
            *(f"reward {name}: {text}" for name, text in self.reward.items()),
            *(f"done {name}: {text}" for name, text in self.done.items()),
            *(f"start {name}" for name in self.starts),
            f"limit {self.time_limit:g} s",
        ]
        return "\n".join(lines)

    def _check(self, name: str, expression: str, variables: dict[str, Variable] | None = None) -> None:
        check_name(name)
        values = self.base.values if self.base else {}
        names = [*BUILT_IN, *(self.variables if variables is None else variables), *values]
        try:
            build(expression, {one: index for index, one in enumerate(names)})
        except ExpressionError as error:
            raise ExpressionError(f"{name}: {error}") from None
