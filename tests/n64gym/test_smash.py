"""n64gym/SuperSmashBros-v0 on its double, tests/roms/smash64: from power-on through the menus into the match."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from n64gym import Emulator, Playback, RecordMovie, RomError
from n64gym.episode import StartError
from n64gym.games import smash_memory as ram
from n64gym.games.smash import PATIENCE_S, SmashEnv
from n64gym.games.smash_actions import fighting
from n64gym.games.smash_memory import FIGHTERS, STAGES, Memory, read_battle, read_slot
from n64gym.games.smash_menus import go_to_match
from n64gym.machine.controller import C_RIGHT, START, A, B, L, Z, stick_of, word
from n64gym.machine.memory import Numbers
from n64gym.machine.rom import OPEN_KART, SUPER_SMASH_BROS

C = 128  # the centre of the stick
STAND, HIT, SHIELD, LEFT = [C, C] + [0] * 6, [C, C, 1] + [0] * 5, [C, C] + [0] * 4 + [1, 0], [0, C] + [0] * 6
APPROACH_AND_HIT = [255, C, 1] + [0] * 5  # the stick to the right, and A
SETUP = {name: setting.default for name, setting in SmashEnv.settings.items()}


@pytest.fixture(scope="module")
def env(rom):
    with make(rom, size=(30, 40)) as env:
        yield env


def make(rom, **settings):
    return SmashEnv(rom("smash64"), check_rom=False, cache=False, video=None, **settings)


def play(env, action, steps, **options):
    """Reset, then hold `action`; return the reward of each step and the last info."""
    env.reset(seed=1, options=options)
    rewards = []
    for _ in range(steps):
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        if terminated or truncated:
            break
    return rewards, info


def test_every_fighter_can_be_player_and_opponent(env):
    for character, opponent in zip(FIGHTERS, FIGHTERS[1:] + FIGHTERS[:1], strict=True):
        env.reset(options={"character": character, "opponent": opponent})
        me, other, *nobody = read_battle(env.emulator.memory).players
        assert (me.kind, FIGHTERS[me.fighter]) == (ram.HUMAN, character)
        assert (other.kind, FIGHTERS[other.fighter]) == (ram.COMPUTER, opponent)
        assert [player.kind for player in nobody] == [ram.NOBODY] * 2


@pytest.mark.parametrize("character", ["luigi", "falcon", "ness", "jigglypuff"])
def test_fighters_are_chosen_past_locked_portraits(rom, character):
    """A new save locks the corners of the fighter select, and the opponent's puck drops if it is carried over them."""
    for opponent in ("yoshi", "pikachu", "samus", "ness", "falcon"):
        with Emulator(rom("smash64")) as emulator:
            go_to_match(emulator, {**SETUP, "character": character, "opponent": opponent})
            players = read_battle(emulator.memory).players
            assert [FIGHTERS[player.fighter] for player in players[:2]] == [character, opponent]


def test_a_slow_game_and_a_wrong_menu_still_lead_to_the_match(rom):
    """The menu code does not count frames: slow loading, 15 frames a second and a wrong menu give the same match."""
    with Emulator(rom("smash64-slow")) as emulator:
        memory = emulator.memory
        for press in (START, A):
            while memory.u8[ram.SCENE] != {START: ram.MODE_SELECT, A: ram.ONE_PLAYER_MENU}[press]:
                emulator.step(4, word(press))
                emulator.step(6)
                assert emulator.vi_count < 5000
        go_to_match(emulator, {**SETUP, "opponent": "yoshi", "level": 5, "mode": "stock"})
        players = read_battle(memory).players
        assert (players[1].level, FIGHTERS[players[1].fighter], players[1].stocks) == (5, "yoshi", 3)


def test_every_stage_can_be_chosen(env):
    pictures = set()
    for stage in STAGES:
        _, info = env.reset(options={"stage": stage})
        assert info["setup"]["stage"] == stage
        assert read_battle(env.emulator.memory).stage == STAGES.index(stage)
        pictures.add(env.emulator.frame().tobytes())
    assert len(pictures) == len(STAGES)


@pytest.mark.parametrize("level", [1, 2, 3, 8, 9])
def test_the_opponent_plays_at_the_chosen_level(env, level):
    play(env, STAND, 400, level=level)
    taken = env.emulator.rdram.copy()
    player = read_battle(Memory(taken)).players[0]
    assert player.total_damage > 0
    assert player.total_damage % (2 + level) == 0  # the double's computer deals 2 + level per hit


@pytest.mark.parametrize("name", ["mario", "ness"])
@pytest.mark.parametrize(("mine", "its"), [("any", "any"), ("left", "down"), ("any", "up"), ("right", "any")])
def test_a_fighter_against_itself_wears_another_costume(env, name, mine, its):
    env.reset(options={"character": name, "opponent": name, "costume": mine, "opponent_costume": its})
    costumes = [player.costume for player in read_battle(env.emulator.memory).players[:2]]
    assert costumes[0] != costumes[1]
    for costume, button in zip(costumes, (mine, its), strict=True):
        assert button in ("any", ("up", "right", "down", "left")[costume])


def test_each_button_chooses_its_costume(env):
    for button, expected in {"up": (0, 0), "right": (2, 4), "down": (3, 1), "left": (1, 3)}.items():
        env.reset(options={"character": "link", "opponent": "falcon", "costume": button, "opponent_costume": button})
        players = read_battle(env.emulator.memory).players
        assert (players[0].costume, players[1].costume) == expected


def test_the_same_costume_twice_is_refused(env):
    with pytest.raises(ValueError, match="both fighters are mario in costume 'up'; expected"):
        env.reset(options={"character": "mario", "opponent": "mario", "costume": "up", "opponent_costume": "up"})


def test_stages_are_drawn_from_a_list(env):
    drawn = [env.reset(seed=seed, options={"stage": list(STAGES)})[1]["setup"]["stage"] for seed in (1, 2, 3, 1)]
    assert drawn[0] == drawn[3]
    assert len(set(drawn)) > 1


def test_rdram_is_not_written_if_the_menus_suffice(rom, monkeypatch):
    def refuse(self, address, value):
        raise AssertionError(f"{value} written to {address:#x}")

    monkeypatch.setattr(Numbers, "__setitem__", refuse)
    with Emulator(rom("smash64")) as emulator:
        go_to_match(emulator, {**SETUP, "items": "on"})
        assert read_battle(emulator.memory).item_rate == 3
        assert emulator.memory.u16[ram.UNLOCKED_FIGHTERS] == 0


def test_only_what_is_needed_is_unlocked(rom):
    with Emulator(rom("smash64")) as emulator:
        go_to_match(emulator, {**SETUP, "opponent": "ness", "character": "luigi", "stage": "mushroom_kingdom"})
        memory = emulator.memory
        assert memory.u16[ram.UNLOCKED_FIGHTERS] == 1 << FIGHTERS.index("ness") | 1 << FIGHTERS.index("luigi")
        assert memory.u8[ram.UNLOCKED] == 1 << 4
        assert read_battle(memory).item_rate == 0


@pytest.mark.parametrize(("mode", "amount"), [("time", 99), ("time", 1), ("stock", 99), ("stock", 1), ("stock", 40)])
def test_the_chosen_rules_hold_in_the_match(rom, mode, amount):
    with Emulator(rom("smash64")) as emulator:
        go_to_match(emulator, {**SETUP, "mode": mode, "minutes": amount, "stocks": amount})
        battle = read_battle(emulator.memory)
        assert battle.frames == 1  # the match's first frame
        assert battle.rules == (ram.TIME_RULE if mode == "time" else ram.STOCK_RULE)
        assert (battle.minutes if mode == "time" else battle.players[1].stocks) == amount


def test_damage_taken_and_dealt_changes_the_reward(env):
    rewards, info = play(env, STAND, 32)
    assert info["damage"] > 0
    assert set(rewards) <= {0.0, -11.0}  # a computer of level 9 deals 11 per hit; each point costs 1
    assert sum(rewards) == -info["damage"]
    env.reset()
    while True:  # a hit counts when the button goes down, so it is pressed and released in turn
        for action in (APPROACH_AND_HIT, [127] + [0] * 7):
            _, reward, _, _, info = env.step(action)
            if info["opponent_damage"]:
                assert reward == info["reward_terms"]["damage_dealt"] == info["opponent_damage"] == 7.0
                assert info["reward_objectives"] == 7.0
                return


def test_a_kill_is_rewarded(env):
    """Attack until the opponent falls. The sum of rewards must follow from the weights and the game's own variables."""
    env.reset(options={"level": 1})
    total = 0.0
    for step in range(3000):
        battle = read_battle(env.emulator.memory)
        me, opponent = (player.position[0] for player in battle.players[:2])
        x = 0 if abs(me - opponent) < 100 else 80 if me < opponent else -80
        _, reward, _, _, info = env.step([C + x, C, step % 2] + [0] * 5)
        total += reward
        if info["opponent_falls"]:
            break
    assert info["reward_terms"]["kill"] == 200.0
    assert info["opponent_damage"] == 0  # the damage restarts at 0 with the new life
    me, opponent = read_battle(env.emulator.memory).players[:2]
    assert opponent.total_damage > 0  # the total is not reset
    idle = total - (opponent.total_damage - me.total_damage + 200 * (opponent.falls - me.falls))
    assert -3.0 < idle <= 0.0


def test_walking_off_the_stage_is_a_death_each_time_until_the_stocks_are_gone(env):
    rewards, info = play(env, LEFT, 3000, mode="stock", stocks=2, level=1)
    assert info["stocks"] == 0
    assert info["falls"] == 2
    assert (info["opponent_stocks"], info["opponent_falls"]) == (2, 0)
    assert [reward for reward in rewards if reward <= -200] == [-200.0] * 2
    assert rewards[-1] <= -200  # the last death ended the match
    assert info["metrics"]["deaths"] == 2.0
    assert info["metrics"]["won"] == 0.0
    assert info["metrics"]["reward_death"] == -400.0
    declared = env.metadata["figures"]
    assert {name for name in info["metrics"] if not name.startswith("reward_")} <= declared.keys()
    assert env.unwrapped.live_figures(info)[1] == ("falls, opponent", "2, 0")
    assert read_battle(env.emulator.memory).status == ram.END


def test_idling_costs_a_point_a_second_after_four(env):
    rewards, info = play(env, SHIELD, 150)  # ten seconds without damage
    assert info["damage"] == info["opponent_damage"] == 0
    assert sum(rewards) == pytest.approx(-(10 - PATIENCE_S), abs=0.01)
    assert not any(rewards[: int(PATIENCE_S * 15)])


def test_the_match_ends_when_its_time_is_up(env, rom):
    rewards, info = play(env, LEFT, 2000, minutes=1)
    assert len(rewards) == 900  # of 4 VIs
    assert info["status"] == ram.END
    assert "metrics" in info
    rewards, info = play(env, SHIELD, 2000, minutes=1)  # a tie; the episode ends without the sudden death
    assert len(rewards) == 900
    assert info["metrics"]["won"] == 0.0
    with make(rom, time_limit=2.0) as short:
        short.reset()
        ends = [short.step(SHIELD)[2:4] for _ in range(30)]
    assert ends == [(False, False)] * 29 + [(False, True)]


def test_the_same_actions_give_the_same_match(rom):
    runs = []
    for _ in range(2):
        with make(rom, noop_max=20) as env:
            env.reset(seed=5)
            env.action_space.seed(5)
            rewards = [env.step(env.action_space.sample())[1] for _ in range(300)]
            runs.append((rewards, env.emulator.rdram.copy()))
    assert runs[0][0] == runs[1][0]
    assert (runs[0][1] == runs[1][1]).all()
    assert any(runs[0][0])


@pytest.mark.parametrize(("items", "diverges"), [("on", False), ("off", True)])
def test_only_matches_set_up_by_the_menus_play_back(rom, tmp_path, items, diverges):
    """A match set up by the menus alone plays back bit for bit. Values written into RDRAM are not in the movie."""
    game = gymnasium.make("n64gym/SuperSmashBros-v0", rom=rom("smash64"), check_rom=False, video=None, items=items)
    with RecordMovie(game, tmp_path) as env:
        env.reset(seed=1)
        env.action_space.seed(1)
        for _ in range(50):
            env.step(env.action_space.sample())
    playback = Playback(env.last_movie, rom("smash64"))
    while not playback.over:
        playback.step()
    playback.close()
    assert bool(playback.diverged) == diverges


def test_the_environment_passes_check_env(rom):
    with gymnasium.make(
        "n64gym/SuperSmashBros-v0",
        rom=rom("smash64"),
        check_rom=False,
        video=None,
        actions="discrete",
        render_mode="rgb_array",
    ) as env:
        check_env(env.unwrapped, skip_render_check=False)


def test_telemetry_has_damage_and_positions(rom):
    with make(rom, telemetry=True) as env:
        observation, _ = env.reset()
        assert observation["telemetry"][2] == np.float32(-0.4)
        for _ in range(200):
            observation, _, _, _, info = env.step(STAND)
        damage, opponent_damage, x, y, opponent_x, _ = observation["telemetry"]
        assert (damage, opponent_damage) == (np.float32(info["damage"] / 100), 0)
        assert damage > 0
        assert (x, y) == tuple(np.float32(value / 1000) for value in info["position"])
        assert opponent_x == np.float32(info["opponent_position"][0] / 1000)


def test_another_game_is_refused_by_its_hash_and_by_its_behaviour():
    with pytest.raises(RomError, match=f"expected {SUPER_SMASH_BROS}.*check_rom=False"):
        SmashEnv(OPEN_KART)
    with (
        SmashEnv(OPEN_KART, check_rom=False, cache=False, video=None) as env,
        pytest.raises(RomError, match=r"not behave like Super Smash Bros.*in scene \d+ \(expected 22, the match\)"),
    ):
        env.reset()


def test_a_start_with_wrong_values_is_reported(env):
    _, info = env.reset()
    wrong = {"stage": "sector_z", "level": 4, "mode": "stock", "character": "samus"}
    with pytest.raises(StartError, match=r"stage is 6, expected 1; rules is 1, expected 2; fighters is \[9, 2\]"):
        env._check_start(env.emulator, info["setup"] | wrong)
    memory = env.emulator.memory
    memory.u8[ram.VS_STATE + ram.STATUS] = ram.PAUSE
    with pytest.raises(StartError, match="status is 2, expected 1"):
        env._check_start(env.emulator, info["setup"])


def test_a_missing_rom_and_wrong_settings_are_refused(rom):
    with pytest.raises(ValueError, match="needs the ROM file"):
        gymnasium.make("n64gym/SuperSmashBros-v0")
    for settings, message in {
        ("character", "marioo"): "character is 'marioo' .maybe you meant 'mario'",
        ("stage", "moon"): "stage is 'moon'.*'peachs_castle'",
        ("level", 10): "level is 10; expected a number from 1 to 9",
        ("actions", "continuous"): "actions is 'continuous'",
        ("reward", "glory"): "reward is 'glory'.*'legacy'",
    }.items():
        with pytest.raises(ValueError, match=message):
            make(rom, **dict([settings]))


def test_the_127_discrete_actions_have_different_words():
    actions = fighting("discrete")
    assert actions.space().n == 127
    words = [actions.word(index) for index in range(127)]
    assert len(set(words)) == 127
    assert words[0] == word(x=-80, y=-80)
    assert words[1] == word(A, x=-80, y=-80)
    assert words[12 * 5] == 0  # neutral stick, no button
    assert words[12 * 5 + 4] == word(C_RIGHT)
    assert words[124] == word(C_RIGHT, x=80, y=80)
    assert words[125:] == [A | Z, L]
    assert [actions.action(one) for one in words] == list(range(127))
    assert actions.action(word(B | START, x=70, y=-3)) == words.index(word(B, x=60))


def test_signed_actions_hold_stick_and_buttons():
    actions = fighting("signed")
    assert actions.space().contains(np.array([127, -128, 1, 1, 1, 1, 1, 1]))
    assert stick_of(actions.word([127, -128] + [0] * 6)) == (80, -80)
    for sample in ([80, -80, 1, 0, 1, 0, 1, 0], [-3, 7, 0, 1, 0, 1, 0, 1]):
        assert actions.action(actions.word(sample)).tolist() == sample


def test_memory_uses_the_consoles_byte_order():
    rdram = np.zeros(1 << 21, np.uint32)
    rdram[0x1000 // 4 : 0x1010 // 4] = 0x01020304, 0xFFFFFFFE, 0x3FC00000, 0x80001000
    memory = Memory(rdram)
    assert [memory.u8[0x80001000 + byte] for byte in range(4)] == [1, 2, 3, 4]
    assert memory.u16[0x80001002] == 0x0304
    assert (memory.u32[0x80001004], memory.s32[0x80001004]) == (0xFFFFFFFE, -2)
    assert memory.f32[0x80001008] == 1.5
    assert memory.follow(0x8000100C) == 0x80001000
    assert memory.follow(0x80001004) is None
    assert memory.follow(0x80001000) is None
    memory.u8[0x80001001] = 0xAB
    assert rdram[0x1000 // 4] == 0x01AB0304
    assert read_slot(memory, 0).cursor is None
