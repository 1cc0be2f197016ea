"""From power-on into a match of Super Smash Bros., by its menus, in closed loop on RDRAM: nothing counts frames.

Each turn of the loop lets go of everything, looks, and presses once. A new save lacks four fighters, one stage and the
menu that switches items off; what a setup needs of these is written into RDRAM, and only that. So a movie from power-on
reaches the setups that need none: items "on", one of the other eight fighters on both sides, not the Mushroom Kingdom.
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

PRESS_VIS, RELEASE_VIS = 4, 6  # menus count presses by their edges, at 60 or, when they are slow, 30 frames a second
FRAMES_BEFORE_INPUT = 30  # menus are deaf for 10 frames; pucks appear after 30
START_FRAMES = 60  # the fighter select is deaf to START for a second
MENU_VIS = 9000  # two and a half minutes of the game's time: logo, title, menus and count-down take about one
NEAR = 3.0  # pixels; the smallest target is 18 high
STICK_PER_PIXEL = 20 / PRESS_VIS  # the cursor moves stick / 20 pixels a frame
SMALLEST_STICK = 10  # it does not move at all for 8 or less

PLACING = {"any": A, "up": C_UP, "right": C_RIGHT, "down": C_DOWN, "left": C_LEFT}  # buttons, by the costume


class Press(NamedTuple):
    """What to hold for a moment."""

    buttons: int = 0
    x: int = 0
    y: int = 0


NOTHING = Press()


def go_to_match(emulator: Emulator, setup: Mapping[str, Any]) -> None:
    """Drive a game that has just been switched on into the match of `setup`, to its GO; RomError if it cannot be."""
    memory = Memory(emulator.rdram)
    wanted_of(setup)
    while emulator.vi_count < MENU_VIS:
        scene = memory.u8(ram.SCENE)
        if scene == ram.VS_BATTLE and memory.u8(ram.VS_STATE + ram.STATUS) == ram.GO:
            return
        if scene == ram.VS_BATTLE:
            emulator.step()  # so that all starts are at the very frame
            continue
        clock = memory.s32(ram.CLOCKS[scene]) if scene in ram.CLOCKS else 0
        emulator.step(RELEASE_VIS)
        if memory.u8(ram.SCENE) != scene:
            continue
        if scene in ram.CLOCKS:
            now = memory.s32(ram.CLOCKS[scene])
            if not (now >= FRAMES_BEFORE_INPUT and 0 < now - clock <= RELEASE_VIS):
                continue  # its code is still being loaded, over that of another
        press = choose_press(memory, scene, setup)
        emulator.step(PRESS_VIS, word(press.buttons, press.x, press.y))
    raise RomError(report(emulator, setup))


def choose_press(memory: Memory, scene: int, setup: Mapping[str, Any]) -> Press:
    """Return what brings `scene` nearer to the match."""
    if scene == ram.MODE_SELECT:
        return Press(A if memory.s32(ram.MODE_SELECT_CURSOR) == 1 else D_DOWN)
    if scene == ram.VS_MENU:
        unlock(memory, setup)
        return on_vs_menu(memory, setup)
    if scene == ram.FIGHTER_SELECT:
        return on_fighter_select(memory, setup)
    if scene == ram.STAGE_SELECT:
        return on_stage_select(memory, setup)
    if scene in (ram.TITLE, ram.N64_LOGO, ram.AUTO_DEMO, ram.EXPLAIN, *ram.OPENING):
        return Press(START)
    return Press(B)  # a menu that we did not want


def unlock(memory: Memory, setup: Mapping[str, Any]) -> None:
    """Write what `setup` needs and the menus of a new save do not offer."""
    for name in (setup["character"], setup["opponent"]):
        fighter = ram.FIGHTERS.index(name)
        if name in ("luigi", "ness", "jigglypuff", "falcon"):
            address = ram.UNLOCKED_FIGHTERS + (fighter < 8)  # the halfword's second byte has bits 0 to 7
            memory.set_u8(address, memory.u8(address) | 1 << fighter % 8)
    if setup["stage"] == "mushroom_kingdom":
        memory.set_u8(ram.UNLOCKED, memory.u8(ram.UNLOCKED) | 1 << ram.MUSHROOM_KINGDOM_BIT)
    if setup["items"] == "off":
        memory.set_u8(ram.VS_STATE + ram.ITEM_RATE, 0)


def on_vs_menu(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """Rule, then time limit or stocks, then start."""
    cursor = memory.s32(ram.VS_CURSOR)
    rule = ("time", "stock").index(setup["mode"])
    if memory.s32(ram.VS_RULE) != rule:
        return Press(D_RIGHT if memory.s32(ram.VS_RULE) < rule else D_LEFT) if cursor == 1 else to_row(cursor, 1)
    if setup["mode"] == "time":
        now, wanted, values = memory.s32(ram.VS_MINUTES), setup["minutes"] or ram.NO_LIMIT, ram.NO_LIMIT
    else:
        now, wanted, values = memory.s32(ram.VS_STOCKS), setup["stocks"] - 1, 99
    if now != wanted:
        shorter_right = (wanted - now) % values <= values // 2  # the values go round
        return Press(D_RIGHT if shorter_right else D_LEFT) if cursor == 2 else to_row(cursor, 2)
    return Press(A) if cursor == 0 else to_row(cursor, 0)


def to_row(cursor: int, row: int) -> Press:
    """Up or down a list."""
    return Press(D_DOWN if cursor < row else D_UP)


def on_fighter_select(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """My puck, the opponent switched on, its puck, its level, START. All distances are in pixels of its 320x240."""
    me, opponent = ram.read_slot(memory, 0), ram.read_slot(memory, 1)
    if me.cursor is None or opponent.puck is None or me.is_adjusting:
        return NOTHING
    wanted = wanted_of(setup)
    if me.held in (0, 1):
        fighter, costume = wanted[me.held]
        return carry(me.cursor, fighter, PLACING[costume])
    if not is_chosen(me, *wanted[0]):
        return Press(B)  # takes the puck back
    if opponent.kind != ram.COMPUTER:
        return point(me.cursor, (123, 133), A)
    if not is_chosen(opponent, *wanted[1]):
        return point(me.cursor, (opponent.puck[0] - 12, opponent.puck[1] + 9), A)
    if opponent.level != setup["level"]:
        return point(me.cursor, (128 if opponent.level < setup["level"] else 81, 200), A)
    ready = me.is_ready and opponent.is_ready and memory.s32(ram.CLOCKS[ram.FIGHTER_SELECT]) > START_FRAMES
    return Press(START) if ready else NOTHING


def carry(cursor: tuple[float, float], fighter: str, button: int) -> Press:
    """Bring the puck in the hand, which hangs 11 right and 14 up of it, to a portrait, and press `button` there.

    Between the rows only in the inner columns: the corners may be locked, and there the opponent's puck falls.
    """
    row, column = divmod(ram.PORTRAITS.index(fighter), 6)
    x, y = 25 + 45 * column, 60 + 43 * row
    if abs(y - cursor[1]) <= NEAR:
        return point(cursor, (x, y), button)
    inner = max(25 + 45 * 1, min(25 + 45 * 4, cursor[0]))
    return point(cursor, (cursor[0], y) if abs(inner - cursor[0]) <= NEAR else (inner, cursor[1]), 0)


def wanted_of(setup: Mapping[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return my fighter and costume, and the opponent's; ValueError if both are the same."""
    mine, other = (setup["character"], setup["costume"]), (setup["opponent"], setup["opponent_costume"])
    if mine[0] == other[0] and other[1] != "any":
        if mine == other:
            raise ValueError(f'both are {mine[0]} in costume {mine[1]!r}; expected different costumes, or "any"')
        if mine[1] == "any":  # the game would give me the first, and perhaps just the opponent's
            mine = (mine[0], "right" if other[1] == "up" else "up")
    return mine, other


def is_chosen(slot: ram.Slot, fighter: str, costume: str) -> bool:
    """Whether a player has this fighter, in this costume."""
    return slot.fighter == ram.FIGHTERS.index(fighter) and (
        costume == "any" or slot.costume == ram.costume_of(fighter, costume)
    )


def point(cursor: tuple[float, float], target: tuple[float, float], button: int) -> Press:
    """Press `button` if the hand is at `target`, else bring it nearer."""
    x, y = target[0] - cursor[0], target[1] - cursor[1]
    if abs(x) <= NEAR and abs(y) <= NEAR:
        return Press(button)
    return Press(0, stick_for(x), -stick_for(y))  # down the screen is down the stick


def stick_for(pixels: float) -> int:
    """Return how far to push for `pixels` in one press."""
    push = round(pixels * STICK_PER_PIXEL)
    return 0 if abs(push) < SMALLEST_STICK else max(-STICK, min(STICK, push))


def on_stage_select(memory: Memory, setup: Mapping[str, Any]) -> Press:
    """Along the row, then up or down: the last column's upper place may be locked."""
    row, column = divmod(memory.s32(ram.STAGE_CURSOR), 5)
    wanted_row, wanted_column = divmod(ram.STAGE_PICTURES.index(setup["stage"]), 5)
    if column != wanted_column:
        return Press(D_RIGHT if column < wanted_column else D_LEFT)
    return Press(A) if row == wanted_row else to_row(row, wanted_row)


def report(emulator: Emulator, setup: Mapping[str, Any]) -> str:
    """Say where the game is instead of in the match."""
    memory = Memory(emulator.rdram)
    scene, status = memory.u8(ram.SCENE), memory.u8(ram.VS_STATE + ram.STATUS)
    rom = emulator.rom
    known = "the known US dump's" if rom.sha1 == SUPER_SMASH_BROS else f"the known US dump has {SUPER_SMASH_BROS}"
    return (
        f"{rom.path.name} ({rom.title}) does not behave like Super Smash Bros. (US): after {emulator.vi_count} VIs of "
        f"its menus it is in scene {scene} (expected {ram.VS_BATTLE}, the match) with match status {status} (expected "
        f"{ram.GO}, GO), on the way to {dict(setup)}. Its SHA-1 is {rom.sha1}; {known}. Other versions and "
        "regions keep these numbers elsewhere"
    )
