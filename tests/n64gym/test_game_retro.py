"""`python -m n64gym import-retro`: the converted game computes what stable-retro computes.

The oracle follows stable-retro's src/memory.cpp (DataType::decode), src/utils.cpp (calculate) and src/data.cpp
(Scenario). It reads RDRAM as parallel_n64 keeps it: as the bytes of little-endian words.
"""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

import n64gym
from n64gym.game_folder import retro
from n64gym.game_folder.expressions import result
from n64gym.game_folder.program import Program
from n64gym.machine.memory import Memory
from n64gym.machine.rom import OPEN_KART
from n64gym.machine.shared import RDRAM_BYTES

ALL = 2**64 - 1
OPERATIONS = {
    "": lambda value, reference: value,
    "equal": lambda value, reference: value == reference,
    "negative-equal": lambda value, reference: value == -reference,
    "not-equal": lambda value, reference: value != reference,
    "less-than": lambda value, reference: value < reference,
    "greater-than": lambda value, reference: value > reference,
    "less-or-equal": lambda value, reference: value <= reference,
    "greater-or-equal": lambda value, reference: value >= reference,
    "nonzero": lambda value, reference: value != 0,
    "zero": lambda value, reference: value == 0,
    "positive": lambda value, reference: value > 0,
    "negative": lambda value, reference: value < 0,
    "sign": lambda value, reference: (value > 0) - (value < 0),
}


def decoded(rdram, variable):
    """DataType::decode. rdram: the bytes at the core's pointer."""
    kind = variable["type"]
    order, representation, width = kind[:-2], kind[-2], int(kind[-1])
    part = rdram[variable["address"] : variable["address"] + width]
    half = width // 2
    # the indices from the least to the most significant byte
    indices = {
        ">": [*range(width - 1, -1, -1)],
        "<>": [*range(half - 1, -1, -1), *range(width - 1, half - 1, -1)],
        "><": [*range(half, width), *range(half)],
    }.get(order.replace(">=", "><"), [*range(width)])
    low, high, step = {"d": (15, 240, 100), "n": (15, 0, 10)}.get(representation, (255, 0, 256))
    modulus = 10 if representation in "dn" else 256
    value = 0
    for power, index in enumerate(indices):
        byte = int(part[index])
        value += ((byte & low) % modulus + ((byte & high) >> 4) % modulus * 10) * step**power
    if representation == "i" and value >= 256**width // 2:
        value -= 256**width
    value &= variable.get("mask", ALL)
    return value - 2**64 if value >= 2**63 else value


def measured(spec, value, delta, default):
    value = delta if spec.get("measurement", default) == "delta" else value
    return int(OPERATIONS[spec.get("op", "")](value, spec.get("reference", 0)))


def rewarded(spec, value, delta):
    """RewardSpec::calculate."""
    found = measured(spec, value, delta, "delta")
    return found * spec.get("penalty" if found < 0 else "reward", 0)


def ended(node, now, before):
    """Scenario::isDone."""
    parts = [
        measured(spec, now[name], now[name] - before[name], "absolute") > 0
        for name, spec in node.get("variables", {}).items()
    ]
    parts += [ended(inner, now, before) for inner in node.get("nodes", {}).values()]
    return all(parts) if node.get("condition") == "all" else any(parts)


def write(folder, data, scenario, **others):
    folder.mkdir(exist_ok=True)
    files = {"data": {"info": data}, "scenario": scenario, **others}
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def converted(folder, data, scenario, **others):
    """Convert, write, and read back."""
    game, _ = retro.convert(write(folder / "retro", data, scenario, **others), n64gym.open_rom(OPEN_KART))
    n64gym.write_game(game, folder / "game")
    assert n64gym.read_game(folder / "game") == game
    return game


def check(game, data, scenario, memories):
    """Compare variables, rewards and ends of frames with the oracle. memories: RDRAM after each frame."""
    program = Program(game)
    old, known = [0] * len(program.names), None
    rewards, ends = [], []
    for number, words in enumerate(memories):
        before, known = known, {name: decoded(words.view(np.uint8), one) for name, one in data.items()}
        now = program.read(Memory(words), [1, 1 / 60, number / 60, number, 0, 0], old)
        for name, value in known.items():
            assert now[program.names.index(name)] == value, name
        if before is not None:
            reward = scenario.get("reward", {})
            expected = rewarded(reward.get("time", {}), 1, 1) + sum(
                rewarded(spec, known[name], known[name] - before[name])
                for name, spec in reward.get("variables", {}).items()
            )
            total = sum(result(term, now, old) for term in program.reward.values())
            assert total == pytest.approx(expected)
            done = any(result(one, now, old) for one in program.done.values())
            assert done == ended(scenario.get("done", {}), known, before)
            rewards.append(expected)
            ends.append(done)
        old = now
    return rewards, ends


def random_memories(count, seed=0):
    """Return memories with random bytes, in which about a third of the words stays the same from one to the next."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 2**32, RDRAM_BYTES // 4, np.uint32)
    for _ in range(count):
        kept = random.integers(0, 3, 64) == 0
        words = words.copy()
        words[:64] = np.where(kept, words[:64], random.integers(0, 2**32, 64, np.uint32))
        yield words


def test_variables_of_every_type_and_place_are_equal(tmp_path):
    kinds = [
        f"{order}{representation}{width}"
        for order, representation, width in itertools.product(
            ("|", "<", ">", "=", "><", "<>", ">=", "<="), "uidn", (1, 2, 3, 4)
        )
    ]
    data = {f"x{number}": {"address": number % 61, "type": kind} for number, kind in enumerate(kinds)}
    data |= {
        f"m{number}": {"address": 4 * number, "type": kind, "mask": mask}
        for number, (kind, mask) in enumerate(
            [("|u1", 0x70), ("<u2", 0xFF00), (">u4", 0xF0F0F0F0), ("<i4", 0xFFFF), ("|d1", 3), ("=u4", ALL)]
        )
    }
    game = converted(tmp_path, data, {})
    check(game, data, {}, random_memories(6))
    plain = {name: game.variables[name] for name in ("x0",) if name in game.variables}
    assert plain["x0"].address == 0x80000003  # the core keeps words in the host's order


def test_the_console_s_own_numbers_need_no_computation(tmp_path):
    data = {
        "coins": {"address": 0x1003, "type": "|u1"},
        "speed": {"address": 0x1006, "type": "<i2"},
        "score": {"address": 0x1008, "type": "=u4"},
    }
    game = converted(tmp_path, data, {})
    assert not game.values
    found = {name: (one.address, one.type) for name, one in game.variables.items()}
    assert found == {"coins": (0x80001000, "u8"), "speed": (0x80001004, "s16"), "score": (0x80001008, "u32")}


@pytest.mark.parametrize("measurement", ["absolute", "delta"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_rewards_and_ends_follow_stable_retro_s_rules(tmp_path, measurement, operation):
    data = {"small": {"address": 3, "type": "|i1", "mask": ALL}, "big": {"address": 8, "type": "<i4"}}
    spec = {"measurement": measurement, "op": operation, "reference": 2}
    if not operation:
        del spec["op"]
    scenario = {
        "reward": {
            "time": {"reward": -0.25},
            "variables": {"small": {**spec, "reward": 3, "penalty": 0.5}, "big": {"reward": 1e-6, "penalty": 1e-6}},
        },
        "done": {"variables": {"small": spec}},
    }
    game = converted(tmp_path, data, scenario)
    words = np.zeros(RDRAM_BYTES // 4, np.uint32)
    memories = []
    for small, big in [(0, 0), (2, 5), (2, -7), (0, 2**31 - 1), (-2, 0), (-2, 9), (100, 9), (-100, 1), (-98, 3)]:
        words = words.copy()
        words[0], words[2] = (small & 0xFF) << 24, big & 0xFFFFFFFF
        memories.append(words)
    _, ends = check(game, data, scenario, memories)
    assert set(ends) == {False, True}


def test_nested_conditions_end_an_episode(tmp_path):
    data = {name: {"address": 4 * number, "type": "=u4"} for number, name in enumerate(("lives", "boss", "clock"))}
    lives, boss = {"op": "zero"}, {"op": "equal", "reference": 3}
    nodes = {
        "won": {"condition": "all", "variables": {"boss": boss, "clock": {"measurement": "delta"}}},
        "lost": {"nodes": {"both": {"condition": "all", "variables": {"lives": lives, "clock": lives}}, "none": {}}},
    }
    memories = []
    for values in itertools.product((0, 1), (3, 0), (0, 5, 5)):
        words = np.zeros(RDRAM_BYTES // 4, np.uint32)
        words[:3] = values
        memories.append(words)
    for done in (
        {"nodes": nodes},
        {"condition": "all", "nodes": nodes},
        {"condition": "all", "variables": {"lives": lives}, "nodes": {"won": nodes["won"]}},
    ):
        game = converted(tmp_path, data, {"done": done})
        check(game, data, {"done": done}, memories)
    assert "won" in converted(tmp_path, data, {"done": {"nodes": nodes}}).done  # info["ended"] has the name


def test_names_actions_and_the_start_are_converted(tmp_path):
    data = {name: {"address": 0, "type": "|u1"} for name in ("P1 health", "P1_health", "time", "2up", "if")}
    scenario = {
        "reward": {"time": {"reward": 1}, "variables": {"time": {"reward": 1}}},
        "actions": [[[], ["LEFT"], ["C-UP", "Z"]], [[], ["A"]]],
    }
    game = converted(tmp_path, data, scenario, metadata={"default_state": "Mario.GP.1P"})
    assert list(game.variables) == ["P1_health", "P1_health_2", "time_", "v2up", "if_"]
    assert game.variables["P1_health"].note == "stable-retro: P1 health"
    assert game.reward == {"time": "vis * 1", "time_": "1 * max(delta(time_), 0)"}
    assert [one.buttons for one in game.actions.groups[0]] == [(), ("D_LEFT",), ("C_UP", "Z")]
    assert list(game.starts) == ["Mario_GP_1P"]


DATA = {"score": {"address": 0, "type": "|u1"}}
SCORE = {"reward": {"variables": {"score": {"reward": 1}}}}


@pytest.mark.parametrize(
    ("data", "scenario", "error"),
    [
        (DATA, {"reward": {"script": "lua:f"}}, "scenario.json: reward.script: found 'lua:f', expected no script"),
        (DATA, {"done": {"script": "lua:f"}}, "done.script: found 'lua:f', expected no script"),
        (DATA, {"scripts": ["x.lua"]}, "scripts: found ['x.lua'], expected no script"),
        (DATA, {"reward": {"variables": {"scor": {}}}}, "data.json does not have (maybe you meant 'score'?)"),
        (DATA, {"reward": {"variables": {"score": {"op": "equals"}}}}, "score.op: found 'equals' (maybe you meant"),
        (DATA, {"reward": {"variables": {"score": {"reward": "1"}}}}, "score.reward: found '1', expected a number"),
        (DATA, {"rewards": [{}, {}]}, "rewards: found the rewards of 2 players, expected those of one"),
        (DATA, {"done": {"condition": "all"}}, 'done.condition: found "all" without conditions'),
        (DATA, {"actions": [[[], ["C-MODE"]]]}, "actions[0]: found 'C-MODE', expected a button of the N64: A, B"),
        ({"score": {"address": 0, "type": "<u8"}}, {}, "info.score.type: found '<u8', expected a byte order"),
        ({"score": {"address": 0x7FFFFF, "type": "<u2"}}, {}, "score.address: found 0x7fffff, expected an address"),
        ({"score": {"type": "|u1"}}, {}, "data.json: info.score.address: found nothing, expected a value"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_nothing_is_written(tmp_path, capsys, data, scenario, error):
    folder, out = write(tmp_path / "retro", data, scenario), tmp_path / "game"
    assert retro.main([str(folder), "--rom", str(OPEN_KART), "--out", str(out)]) == 2
    found = capsys.readouterr()
    assert error in found.err
    assert found.err.count("\n") == 1
    assert not found.out
    assert not out.exists()


def test_a_missing_file_or_rom_is_one_line(tmp_path, capsys):
    (tmp_path / "data.json").write_text('{"info": {}}')
    for folder, rom, error in (
        (tmp_path, OPEN_KART, "scenario.json cannot be read: No such file or directory"),
        (tmp_path / "x", OPEN_KART, "data.json cannot be read: No such file or directory"),
        (tmp_path, tmp_path / "x.z64", "ROM not found: there is no file "),
    ):
        assert retro.main([str(folder), "--rom", str(rom), "--out", str(tmp_path / "game")]) == 2
        assert error in capsys.readouterr().err


def test_a_converted_game_is_played_with_stable_retro_s_rewards(tmp_path):
    """Run the command, play Open Kart from power-on with it, and compute the rewards from its memory."""
    data = {
        "stage": {"address": 0x408, "type": "=u4"},
        "cursor": {"address": 0x40B, "type": "|u1"},
        "vis": {"address": 0x444, "type": "<i4"},
    }
    scenario = {"reward": {"variables": {"stage": {"reward": 2}}, "time": {"reward": -0.1}}}
    scenario["done"] = {"variables": {"stage": {"op": "greater-or-equal", "reference": 2}}}
    scenario["actions"] = [[[], ["A"]], [[], ["START"]]]
    folder = write(tmp_path / "retro", data, scenario, metadata={"default_state": "Level1"})
    (folder / "rom.sha").write_text("0" * 40)
    command = [sys.executable, "-m", "n64gym", "import-retro", str(folder), "--rom", str(OPEN_KART)]
    ran = subprocess.run([*command, "--out", str(tmp_path / "game")], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "game.toml: 3 variables, 2 rewards, 1 ends" in ran.stdout
    assert "Level1.state is a savestate of another emulator" in ran.stdout
    assert "rom.sha does not name this ROM" in ran.stdout
    again = subprocess.run([*command, "--out", str(tmp_path / "game")], capture_output=True, text=True, timeout=120)
    assert again.returncode == 2
    assert "game.toml is there already" in again.stderr
    env = n64gym.make_game(tmp_path / "game", obs_type="ram", frameskip=1, cache=False)
    env.reset()
    memory = env.unwrapped.emulator.memory
    before = memory.u32[0x408]
    for number in range(600):
        _, reward, done, _, info = env.step([number // 4 % 2, 0])
        stage = memory.u32[0x408]
        assert reward == pytest.approx(-0.1 + 2 * max(0, stage - before))
        assert done == (stage >= 2)
        before = stage
        if done:
            break
    env.close()
    assert done
    assert info["ended"] == "stage"
