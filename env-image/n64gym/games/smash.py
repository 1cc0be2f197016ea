"""n64gym/SuperSmashBros-v0: a match against one computer opponent in Super Smash Bros. (US, 1999), read from RDRAM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from n64gym.episode import Outcome, StartError
from n64gym.games import smash_memory as ram
from n64gym.games.cartridge import Cartridge
from n64gym.games.smash_actions import fighting
from n64gym.games.smash_memory import FIGHTERS, STAGES, Battle, costume_of, read_battle
from n64gym.games.smash_menus import PLACING, go_to_match, wanted_of
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import SUPER_SMASH_BROS
from n64gym.n64_env import VIS_PER_SECOND, N64Env
from n64gym.rewards import Reward
from n64gym.settings import Setting

CARTRIDGE = Cartridge(SUPER_SMASH_BROS, "n64gym/SuperSmashBros-v0")
PATIENCE_S = 4.0  # time without damage after which the `idle` cost begins


class BattleStep(NamedTuple):
    """The data from which the reward of a step is computed."""

    before: Battle
    now: Battle
    idle: float  # seconds of the step that lie more than PATIENCE_S after the last damage or fall


def damage_dealt(step: BattleStep) -> float:
    """Return the damage to the opponent in percent."""
    return step.now.players[1].total_damage - step.before.players[1].total_damage


def kill(step: BattleStep) -> float:
    """Return the number of the opponent's falls."""
    return step.now.players[1].falls - step.before.players[1].falls


def damage_taken(step: BattleStep) -> float:
    """Return the damage to the agent in percent."""
    return step.now.players[0].total_damage - step.before.players[0].total_damage


def death(step: BattleStep) -> float:
    """Return the number of the agent's falls."""
    return step.now.players[0].falls - step.before.players[0].falls


def idle(step: BattleStep) -> float:
    """Return the seconds without damage or a fall, not counting the first PATIENCE_S."""
    return step.idle


OBJECTIVES: dict[str, Callable[[BattleStep], float]] = {"damage_dealt": damage_dealt, "kill": kill}
COSTS: dict[str, Callable[[BattleStep], float]] = {"damage_taken": damage_taken, "death": death, "idle": idle}
PRESETS = {
    "legacy": {"damage_dealt": 1.0, "kill": 200.0, "damage_taken": 1.0, "death": 200.0, "idle": 1.0},
    "stocks": {"kill": 1.0, "death": 1.0},
}


FIGURES: dict[str, dict[str, Any]] = {  # see N64Env.metadata
    "won": {"summary": "rate", "headline": True},
    "kills": {"headline": True},
    "deaths": {"headline": True},
    "damage_dealt": {"unit": "%", "headline": True},
    "damage_taken": {"unit": "%"},
}


class SmashEnv(N64Env):
    """A match against one computer opponent in VS mode.

    character, opponent: one of FIGHTERS. costume, opponent_costume: the C button that chooses one of the fighter's four
    costumes ("up", "right", "down", "left"), or "any". stage: one of STAGES. level: the opponent's, 1 to 9.
    mode: "time", for `minutes` (1 to 99, 0 = no limit), or "stock", with 1 to 99 `stocks`. items: "off" or "on".

    Each of these arguments can be a list: every reset then draws a value from it. The `options` of reset have the same
    names.

    actions: "multidiscrete", "signed" or "discrete", see smash_actions.py.
    reward: a preset, or {term: weight} with terms from OBJECTIVES and COSTS. Preset "legacy", gym-mupen64plus' weights:
    1 per percent of damage dealt, -1 per percent taken, 200 for a kill, -200 for a death, and -1 per second after 4 s
    without damage. Preset "stocks": 1 for a kill, -1 for a death.

    An episode terminates at the end of the match, also in a tie: sudden death is not played. It is truncated after
    `time_limit` seconds.

    rom: the ROM file, in any byte order. check_rom: reject a file with a different hash. video: the video plugin, or
    None for no picture, which is much faster. Other arguments: see N64Env.
    info: `damage` (percent), `falls`, `stocks` (valid in mode "stock") and `position` (in the game's units); the same
    for the opponent; `status`; the reward's terms; in the last step also `metrics`, the episode's figures.

    All values come from RDRAM, at addresses that public sources give for the US version (smash_memory.py). They have
    been tested on a test double only, not on the real game. The menus alone reach a setup with items "on" and nothing
    that must be unlocked. For other setups, a few bits are written into RDRAM (smash_menus.py). A movie cannot contain
    such writes, so the playback of such an episode reports a divergence.
    """

    settings: ClassVar[Mapping[str, Setting]] = {
        "character": Setting(FIGHTERS, "pikachu"),
        "opponent": Setting(FIGHTERS, "dk"),
        "costume": Setting(tuple(PLACING), "any"),
        "opponent_costume": Setting(tuple(PLACING), "any"),
        "stage": Setting(STAGES, "dream_land"),
        "level": Setting(range(1, 10), 9),
        "mode": Setting(("time", "stock"), "time"),
        "minutes": Setting(range(100), 0),
        "stocks": Setting(range(1, 100), 3),
        "items": Setting(("off", "on"), "off"),
    }
    metadata: dict[str, Any] = {**N64Env.metadata, "figures": {**FIGURES, **N64Env.metadata["figures"]}}  # noqa: RUF012
    telemetry_names = ("damage", "opponent_damage", "x", "y", "opponent_x", "opponent_y")  # 1 = 100 percent, 1000 units
    watch = ([(ram.SCENE & 0x7FFFFF) >> 2, (ram.BATTLE & 0x7FFFFF) + 4 >> 2, 1],)
    remembers = (*N64Env.remembers, "_last", "_vis", "_unhurt_vis", "_reward")

    def __init__(
        self,
        rom: str | Path = "",
        *,
        actions: str = "multidiscrete",
        reward: str | Mapping[str, float] = "legacy",
        time_limit: float = 480.0,
        check_rom: bool = True,
        video: str | None = "glide64mk2",
        **settings: Any,
    ) -> None:
        cartridge = CARTRIDGE.open(rom, check_rom)
        self._actions = fighting(actions)
        self.action_space = self._actions.space()
        self._reward = Reward(reward, PRESETS, OBJECTIVES, COSTS)
        self._time_limit = time_limit
        choices = {name: settings.pop(name) for name in self.settings if name in settings}
        super().__init__(cartridge, choices=choices, video=video, **settings)

    def _word(self, action: Any) -> int:
        return self._actions.word(action)

    def action_of(self, word: int) -> Any:
        """Return the action nearest to a controller word."""
        return self._actions.action(word)

    def in_play(self, emulator: Emulator) -> bool:
        """Return whether a match is in progress."""
        battle = read_battle(emulator.memory)
        return battle.scene == ram.VS_BATTLE and battle.status == ram.GO

    def _what_matters(self, setup: Mapping[str, Any]) -> Mapping[str, Any]:
        unused = "stocks" if setup["mode"] == "time" else "minutes"
        return {name: value for name, value in setup.items() if name != unused}

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        go_to_match(emulator, setup)

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:
        found, expected = facts(read_battle(emulator.memory)), expected_facts(setup)
        wrong = [
            f"{name} is {found[name]}, expected {value}" for name, value in expected.items() if found[name] != value
        ]
        if wrong:
            raise StartError(f"{self.rom.path.name} is not at the start of the match {dict(setup)}: {'; '.join(wrong)}")

    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        self._last = read_battle(emulator.memory)
        self._vis = self._unhurt_vis = 0
        self._reward.begin()
        return describe(self._last)

    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        before, now = self._last, read_battle(emulator.memory)
        self._vis += self.frameskip
        self._unhurt_vis = 0 if harm(now) != harm(before) else self._unhurt_vis + self.frameskip
        idle_vis = min(self.frameskip, max(0.0, self._unhurt_vis - PATIENCE_S * VIS_PER_SECOND))
        step = BattleStep(before, now, idle_vis / VIS_PER_SECOND)
        reward, info = self._reward.weigh(step)
        self._last = now
        terminated = now.scene != ram.VS_BATTLE or now.status >= ram.END
        truncated = not terminated and self._vis >= self._time_limit * VIS_PER_SECOND
        info.update(describe(now))
        if terminated or truncated:
            info["metrics"] = self._metrics(now)
        return Outcome(reward, terminated, truncated, info)

    def live_figures(self, info: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the damage and falls of both players."""
        names = [name for name in ("damage", "falls") if name in info]
        return [(f"{name}, opponent", f"{info[name]}, {info[f'opponent_{name}']}") for name in names]

    def _metrics(self, battle: Battle) -> dict[str, float]:
        me, opponent = battle.players[:2]
        return {
            "kills": float(opponent.falls),
            "deaths": float(me.falls),
            "won": float(opponent.falls > me.falls),
            "damage_dealt": float(opponent.total_damage),
            "damage_taken": float(me.total_damage),
            "emulator_restarts": float(self.emulator_restarts),
            **self._reward.metrics(),
        }

    def _telemetry(self, emulator: Emulator) -> list[float]:
        me, opponent = read_battle(emulator.memory).players[:2]
        places = (*(me.position or (0.0, 0.0)), *(opponent.position or (0.0, 0.0)))
        return [me.damage / 100, opponent.damage / 100, *(place / 1000 for place in places)]


def harm(battle: Battle) -> list[int]:
    """Return the values that change when a player takes damage or falls."""
    return [amount for player in battle.players[:2] for amount in (player.total_damage, player.falls)]


def facts(battle: Battle) -> dict[str, Any]:
    """Return the values that identify the start of a match."""
    me, opponent = battle.players[:2]
    return {
        "scene": battle.scene,
        "the state in play": hex(battle.state),
        "status": battle.status,
        "stage": battle.stage,
        "rules": battle.rules,
        "minutes": battle.minutes,
        "items": "on" if battle.item_rate else "off",
        "kinds": [player.kind for player in battle.players],
        "fighters": [me.fighter, opponent.fighter],
        "costume": me.costume,
        "opponent's costume": opponent.costume,
        "level": opponent.level,
        "stocks": [me.stocks, opponent.stocks],
        "damage and falls": [me.damage, opponent.damage, me.falls, opponent.falls],
        "both are there": all(player.position is not None for player in (me, opponent)),
    }


def expected_facts(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that `facts` must return for `setup`."""
    expected = {
        "scene": ram.VS_BATTLE,
        "the state in play": hex(ram.VS_STATE),
        "status": ram.GO,
        "stage": STAGES.index(setup["stage"]),
        "rules": ram.TIME_RULE if setup["mode"] == "time" else ram.STOCK_RULE,
        "items": setup["items"],
        "kinds": [ram.HUMAN, ram.COMPUTER, ram.NOBODY, ram.NOBODY],
        "fighters": [FIGHTERS.index(setup["character"]), FIGHTERS.index(setup["opponent"])],
        "level": setup["level"],
        "damage and falls": [0, 0, 0, 0],
        "both are there": True,
    }
    for name, (fighter, costume) in zip(("costume", "opponent's costume"), wanted_of(setup), strict=True):
        if costume != "any":
            expected[name] = costume_of(fighter, costume)
    if setup["mode"] == "time":
        return expected | {"minutes": setup["minutes"] or ram.NO_LIMIT}
    return expected | {"stocks": [setup["stocks"]] * 2}


def describe(battle: Battle) -> dict[str, Any]:
    """Return the match's part of info."""
    me, opponent = battle.players[:2]
    about = {name: getattr(me, name) for name in ("damage", "falls", "stocks", "position")}
    about |= {f"opponent_{name}": getattr(opponent, name) for name in tuple(about)}
    return about | {"status": battle.status}
