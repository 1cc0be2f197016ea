"""Operates the menus of Super Smash Bros., guided by RDRAM, from power-on to the start of a match.

Each pass of the loop releases all buttons, reads RDRAM, and presses once. It does not depend on frame counts.
A new save lacks four fighters, one stage and the menu that switches items off. If a setup needs one of these, exactly
that is written into RDRAM. So a movie from power-on reaches only the setups that need none of them: items "on", one of
the other eight fighters on both sides, and a stage other than the Mushroom Kingdom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from n64gym.games import smash_memory as ram
from n64gym.machine.controller import (
    C_DOWN,
    C_LEFT,
    C_RIGHT,
    C_UP,
    D_DOWN,
    D_LEFT,
    D_RIGHT,
    D_UP,
    START,
    STICK,
    A,
    B,
    word,
)
from n64gym.machine.emulator import Emulator
from n64gym.machine.memory import Memory
from n64gym.machine.rom import SUPER_SMASH_BROS, RomError

PRESS_VIS, RELEASE_VIS = 4, 6  # menus detect presses by their edges, at 60 or 30 frames per second
FRAMES_BEFORE_INPUT = 30  # menus ignore input for 10 frames, and the pucks appear after 30
START_FRAMES = 60  # the fighter select ignores START for a second
MENU_VIS = 9000  # 150 s of game time; logo, title, menus and countdown take about 60 s
NEAR = 3.0  # pixels; the smallest target is 18 high
STICK_PER_PIXEL = 20 / PRESS_VIS  # the cursor moves stick / 20 pixels per frame
SMALLEST_STICK = 10  # the cursor does not move for 8 or less

PLACING = {"any": A, "up": C_UP, "right": C_RIGHT, "down": C_DOWN, "left": C_LEFT}  # button by costume


class Press(NamedTuple):
    """The controller input for one press."""

    buttons: int = 0
    x: int = 0
    y: int = 0


NOTHING = Press()


def go_to_match(emulator: Emulator, setup: Mapping[str, Any]) -> None:
    """Operate the game from power-on to GO in the match of `setup`. Raises RomError if the match cannot be reached."""
    memory = emulator.memory
    wanted_of(setup)
    while emulator.vi_count < MENU_VIS:
        scene = memory.u8[ram.SCENE]
        if scene == ram.VS_BATTLE and memory.u8[ram.VS_STATE + ram.STATUS] == ram.GO:
            return
        if scene == ram.VS_BATTLE:
            emulator.step()  # so that every start is at exactly the same frame
            continue
        clock = memory.s32[ram.CLOCKS[scene]] if scene in ram.CLOCKS else 0
        emulator.step(RELEASE_VIS)
        if memory.u8[ram.SCENE] != scene:
            continue
        if scene in ram.CLOCKS:
            now = memory.s32[ram.CLOCKS[scene]]
            if not (now >= FRAMES_BEFORE_INPUT and 0 < now - clock <= RELEASE_VIS):
                continue  # the scene's code is still being loaded, so its variables are not valid yet
        press = choose_press(memory, scene, setup)
        emulator.step(PRESS_VIS, word(press.buttons, press.x, press.y))
    raise RomError(report(emulator, setup))


def choose_press(memory: Memory, scene: int, setup: Mapping[str, Any]) -> Press:
    """Return the press that brings the game closer to the match."""
    if scene == ram.MODE_SELECT:
        return Press(A if memory.s32[ram.MODE_SELECT_CURSOR] == 1 else D_DOWN)
    if scene == ram.VS_MENU:
        unlock(memory, setup)
        return on_vs_menu(memory, setup)
    if scene == ram.FIGHTER_SELECT:
        return on_fighter_select(memory, setup)
    if scene == ram.STAGE_SELECT:
        return on_stage_select(memory, setup)
    if scene in (ram.TITLE, ram.N64_LOGO, ram.AUTO_DEMO, ram.EXPLAIN, *ram.OPENING):
        return Press(START)
    return Press(B)  # leave a menu that is not needed


def unlock(memory: Memory, setup: Mapping[str, Any]) -> None:
    """Write into RDRAM the options of `setup` that the menus of a new save do not offer."""
    for name in (setup["character"], setup["opponent"]):
        fighter = ram.FIGHTERS.index(name)
        if name in ("luigi", "ness", "jigglypuff", "falcon"):
            address = ram.UNLOCKED_FIGHTERS + (fighter < 8)  # bits 0 to 7 are in the halfword's second byte
            memory.u8[address] = memory.u8[address] | 1 << fighter % 8
    if setup["stage"] == "mushroom_kingdom":
        memory.u8[ram.UNLOCKED] = memory.u8[ram.UNLOCKED] | 1 << ram.MUSHROOM_KINGDOM_BIT
    if setup["items"] == "off":
        memory.u8[ram.VS_STATE + ram.ITEM_RATE] = 0


def on_vs_menu(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """Set the rule, then the time limit or stocks, then start."""
    cursor = memory.s32[ram.VS_CURSOR]
    rule = ("time", "stock").index(setup["mode"])
    if memory.s32[ram.VS_RULE] != rule:
        return Press(D_RIGHT if memory.s32[ram.VS_RULE] < rule else D_LEFT) if cursor == 1 else to_row(cursor, 1)
    if setup["mode"] == "time":
        now, wanted, values = memory.s32[ram.VS_MINUTES], setup["minutes"] or ram.NO_LIMIT, ram.NO_LIMIT
    else:
        now, wanted, values = memory.s32[ram.VS_STOCKS], setup["stocks"] - 1, 99
    if now != wanted:
        shorter_right = (wanted - now) % values <= values // 2  # the values wrap
        return Press(D_RIGHT if shorter_right else D_LEFT) if cursor == 2 else to_row(cursor, 2)
    return Press(A) if cursor == 0 else to_row(cursor, 0)


def to_row(cursor: int, row: int) -> Press:
    """Return the press that moves up or down a list."""
    return Press(D_DOWN if cursor < row else D_UP)


def on_fighter_select(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """Place the agent's puck, switch the opponent on, place its puck, set its level, press START.

    All distances are in pixels of the game's 320x240 screen.
    """
    me, opponent = ram.read_slot(memory, 0), ram.read_slot(memory, 1)
    if me.cursor is None or opponent.puck is None or me.is_adjusting:
        return NOTHING
    wanted = wanted_of(setup)
    if me.held in (0, 1):
        fighter, costume = wanted[me.held]
        return carry(me.cursor, fighter, PLACING[costume])
    if not is_chosen(me, *wanted[0]):
        return Press(B)  # picks the puck up again
    if opponent.kind != ram.COMPUTER:
        return point(me.cursor, (123, 133), A)
    if not is_chosen(opponent, *wanted[1]):
        return point(me.cursor, (opponent.puck[0] - 12, opponent.puck[1] + 9), A)
    if opponent.level != setup["level"]:
        return point(me.cursor, (128 if opponent.level < setup["level"] else 81, 200), A)
    ready = me.is_ready and opponent.is_ready and memory.s32[ram.CLOCKS[ram.FIGHTER_SELECT]] > START_FRAMES
    return Press(START) if ready else NOTHING


def carry(cursor: tuple[float, float], fighter: str, button: int) -> Press:
    """Bring the held puck to a portrait and press `button` there. The puck is 11 pixels right of and 14 above the hand.

    Change rows only in the inner columns: the corners may be locked, and the opponent's puck starts there.
    """
    row, column = divmod(ram.PORTRAITS.index(fighter), 6)
    x, y = 25 + 45 * column, 60 + 43 * row
    if abs(y - cursor[1]) <= NEAR:
        return point(cursor, (x, y), button)
    inner = max(25 + 45 * 1, min(25 + 45 * 4, cursor[0]))
    return point(cursor, (cursor[0], y) if abs(inner - cursor[0]) <= NEAR else (inner, cursor[1]), 0)


def wanted_of(setup: Mapping[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the agent's fighter and costume, and the opponent's. Raises ValueError if both are the same."""
    mine, other = (setup["character"], setup["costume"]), (setup["opponent"], setup["opponent_costume"])
    if mine[0] == other[0] and other[1] != "any":
        if mine == other:
            raise ValueError(
                f'both fighters are {mine[0]} in costume {mine[1]!r}; expected different costumes, or "any"'
            )
        if mine[1] == "any":  # the game would choose the first costume, which may be the opponent's
            mine = (mine[0], "right" if other[1] == "up" else "up")
    return mine, other


def is_chosen(slot: ram.Slot, fighter: str, costume: str) -> bool:
    """Return whether a player has this fighter in this costume."""
    return slot.fighter == ram.FIGHTERS.index(fighter) and (
        costume == "any" or slot.costume == ram.costume_of(fighter, costume)
    )


def point(cursor: tuple[float, float], target: tuple[float, float], button: int) -> Press:
    """Press `button` if the hand is at `target`, else move it closer."""
    x, y = target[0] - cursor[0], target[1] - cursor[1]
    if abs(x) <= NEAR and abs(y) <= NEAR:
        return Press(button)
    return Press(0, stick_for(x), -stick_for(y))  # screen y grows downwards, stick y upwards


def stick_for(pixels: float) -> int:
    """Return the stick value that moves the cursor `pixels` in one press."""
    push = round(pixels * STICK_PER_PIXEL)
    return 0 if abs(push) < SMALLEST_STICK else max(-STICK, min(STICK, push))


def on_stage_select(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """Move along the row first, then up or down, because the upper stage of the last column may be locked."""
    row, column = divmod(memory.s32[ram.STAGE_CURSOR], 5)
    wanted_row, wanted_column = divmod(ram.STAGE_PICTURES.index(setup["stage"]), 5)
    if column != wanted_column:
        return Press(D_RIGHT if column < wanted_column else D_LEFT)
    return Press(A) if row == wanted_row else to_row(row, wanted_row)


def report(emulator: Emulator, setup: Mapping[str, Any]) -> str:
    """Return a description of the game's current screen, for an error."""
    memory = emulator.memory
    scene, status = memory.u8[ram.SCENE], memory.u8[ram.VS_STATE + ram.STATUS]
    rom = emulator.rom
    known = "the known US dump's" if rom.sha1 == SUPER_SMASH_BROS else f"the known US dump has {SUPER_SMASH_BROS}"
    return (
        f"{rom.path.name} ({rom.title}) does not behave like Super Smash Bros. (US): after {emulator.vi_count} VIs of "
        f"its menus it is in scene {scene} (expected {ram.VS_BATTLE}, the match) with match status {status} (expected "
        f"{ram.GO}, GO), on the way to {dict(setup)}. Its SHA-1 is {rom.sha1}; {known}. Other versions and "
        "regions keep these numbers elsewhere"
    )
