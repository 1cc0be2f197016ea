"""The addresses of Super Smash Bros.' (US, 1999) state in RDRAM, and functions that read it.

Sources: D = the public decompilation VetriTheRetri/ssb-decomp-re (symbols with addresses, structs); I = an instruction
in the US version that uses exactly this address or offset; G = GameShark codes in Debian's mupencheat.txt. The values
have been tested only on the double in tests/roms/smash64, not on the real game."""

from __future__ import annotations

from typing import NamedTuple

from n64gym.machine.memory import Memory

# u8 fields of gSCManagerSceneData (D, 800A4AD0; its offsets by G 800A4AE7 and I 800A4ADF)
SCENE = 0x800A4AD0
SCENE_STAGE = 0x800A4ADF  # stage of the next match
# gSCManagerBackupData (D): the features unlocked in the save
UNLOCKED = 0x800A4937  # u8 (G), bit 4 = Mushroom Kingdom (D)
UNLOCKED_FIGHTERS = 0x800A4938  # u16 (G), bit = fighter
MUSHROOM_KINGDOM_BIT = 4

NO_CONTROLLER, TITLE, MODE_SELECT, ONE_PLAYER_MENU, VS_MENU = 0, 1, 7, 8, 9  # SCENE (D: SCKind)
FIGHTER_SELECT, STAGE_SELECT, VS_BATTLE, VS_RESULTS, N64_LOGO = 16, 21, 22, 24, 27
OPENING = range(28, 47)  # the opening movie; A, B or START leads to the title
EXPLAIN, AUTO_DEMO = 59, 60

# SCBattleState (D). G: 800A4D1E, 800A4D2B, 800A4D76 and others.
BATTLE = 0x800A50E8  # pointer to the current SCBattleState (I)
VS_STATE = 0x800A4D08  # gSCManagerTransferBattleState: first the menus' choices, then the state of the match (I)
STAGE, IS_TEAM_BATTLE, RULES = 0x01, 0x02, 0x03  # u8
MINUTES, STOCKS = 0x06, 0x07  # u8: 100 = no time limit; number of stocks minus 1
STATUS = 0x11  # u8 (I)
FRAMES = 0x18  # u32, frames since the match began
ITEM_RATE = 0x1C  # u8, 0 = no items
PLAYERS, PLAYER_BYTES = 0x20, 0x74  # (I)

# SCPlayerData (D), offsets from the player's first byte
LEVEL, KIND, FIGHTER, COSTUME = 0x00, 0x02, 0x03, 0x06  # u8; FIGHTER by G
STOCKS_LEFT = 0x0B  # s8: stocks left minus 1, so -1 = out
FALLS = 0x10  # s32
TOTAL_DAMAGE = 0x38  # s32, percent taken since the match began, from any source (I)
DAMAGE = 0x4C  # s32, the percent on the screen, up to 999 (G, I)
FIGHTER_OBJECT = 0x58  # pointer to a GObj

NO_LIMIT = 100  # MINUTES
TIME_RULE, STOCK_RULE = 1, 2  # RULES
WAIT, GO, PAUSE, UNPAUSE, END, SET = 0, 1, 2, 3, 5, 7  # STATUS
HUMAN, COMPUTER, NOBODY = 0, 1, 2  # KIND
NO_FIGHTER = 28  # FIGHTER

# Menus. The menus' code shares one memory area, so a variable is valid only while its scene's clock runs.
CLOCKS = {  # s32: frames since the scene began (D; FIGHTER_SELECT's by I)
    MODE_SELECT: 0x80132CA0,
    VS_MENU: 0x80134980,
    FIGHTER_SELECT: 0x8013BDCC,
    STAGE_SELECT: 0x80134C24,
}
MODE_SELECT_CURSOR = 0x80132C88  # s32: 0 one player, 1 VS, 2 options, 3 data (D)
VS_CURSOR, VS_RULE = 0x80134948, 0x8013494C  # s32: 0 start, 1 rule, 2 time or stocks, 3 options; 0 time, 1 stock (D)
VS_MINUTES, VS_STOCKS = 0x80134950, 0x80134954  # s32, as in SCBattleState (D)
STAGE_CURSOR = 0x80134BD8  # s32: 0 to 4 the upper row, 5 to 9 the lower (D)

# MNPlayersSlotVS (D) of the fighter select, one for each of four players
SLOTS, SLOT_BYTES = 0x8013BA88, 0xBC
SLOT_CURSOR, SLOT_PUCK = 0x00, 0x04  # pointers to GObj
SLOT_LEVEL, SLOT_FIGHTER, SLOT_COSTUME = 0x38, 0x48, 0x4C
SLOT_HELD, SLOT_KIND = 0x80, 0x84  # player whose puck the cursor holds, -1 = none
SLOT_IS_READY, SLOT_IS_ADJUSTING = 0x88, 0xA0

OBJECT = 0x74  # GObj: pointer to its sprite or model (I)
SPRITE_X, SPRITE_Y = 0x58, 0x5C  # SObj: f32, pixels (I)
MODEL_X, MODEL_Y = 0x1C, 0x20  # DObj: f32, the game's units; y is up (D)

FIGHTERS = (  # FIGHTER by name, with gym-mupen64plus' names (D and G)
    "mario", "fox", "dk", "samus", "luigi", "link", "yoshi", "falcon", "kirby", "pikachu", "jigglypuff", "ness",
)  # fmt: skip
COSTUME_BUTTONS = ("up", "right", "down", "left")  # the C buttons that choose a fighter's four costumes
ODD_COSTUMES = {"link": (0, 2, 3, 1), "falcon": (0, 4, 1, 3)}  # COSTUME by button; for other fighters 0, 1, 2, 3 (D)
STAGES = (  # STAGE by name (D: GRKind)
    "peachs_castle", "sector_z", "congo_jungle", "planet_zebes", "hyrule_castle", "yoshis_island", "dream_land",
    "saffron_city", "mushroom_kingdom",
)  # fmt: skip
PORTRAITS = (  # the fighter select, row by row (D)
    "luigi", "mario", "dk", "link", "samus", "falcon", "ness", "yoshi", "kirby", "fox", "pikachu", "jigglypuff",
)  # fmt: skip
STAGE_PICTURES = (  # the stage select, row by row; the tenth is the game's own random choice (D)
    "peachs_castle", "congo_jungle", "hyrule_castle", "planet_zebes", "mushroom_kingdom",
    "yoshis_island", "dream_land", "sector_z", "saffron_city",
)  # fmt: skip


def costume_of(fighter: str, button: str) -> int:
    """Return the COSTUME that a C button chooses for a fighter."""
    return ODD_COSTUMES.get(fighter, (0, 1, 2, 3))[COSTUME_BUTTONS.index(button)]


class Player(NamedTuple):
    """One player of the match."""

    kind: int
    fighter: int
    costume: int
    level: int
    damage: int  # percent
    total_damage: int  # percent since the match began
    falls: int
    stocks: int  # stocks left, with the current one
    position: tuple[float, float] | None  # x to the right, y up; None before the fighter exists


class Battle(NamedTuple):
    """The match in VS mode."""

    scene: int
    state: int  # address of the current SCBattleState: VS_STATE, except in sudden death
    status: int
    stage: int
    rules: int
    minutes: int
    item_rate: int
    frames: int
    players: tuple[Player, Player, Player, Player]


def read_battle(memory: Memory) -> Battle:
    """Return the match's current state, or its final state after its end."""
    one, two, three, four = (read_player(memory, VS_STATE + PLAYERS + index * PLAYER_BYTES) for index in range(4))
    return Battle(
        scene=memory.u8[SCENE],
        state=memory.u32[BATTLE],
        status=memory.u8[VS_STATE + STATUS],
        stage=memory.u8[VS_STATE + STAGE],
        rules=memory.u8[VS_STATE + RULES],
        minutes=memory.u8[VS_STATE + MINUTES],
        item_rate=memory.u8[VS_STATE + ITEM_RATE],
        frames=memory.u32[VS_STATE + FRAMES],
        players=(one, two, three, four),
    )


def read_player(memory: Memory, address: int) -> Player:
    """Return the player at `address`, an SCPlayerData."""
    stocks = memory.u8[address + STOCKS_LEFT]
    return Player(
        kind=memory.u8[address + KIND],
        fighter=memory.u8[address + FIGHTER],
        costume=memory.u8[address + COSTUME],
        level=memory.u8[address + LEVEL],
        damage=memory.s32[address + DAMAGE],
        total_damage=memory.s32[address + TOTAL_DAMAGE],
        falls=memory.s32[address + FALLS],
        stocks=stocks + 1 & 0xFF,
        position=read_position(memory, address + FIGHTER_OBJECT, MODEL_X, MODEL_Y),
    )


def read_position(memory: Memory, object_pointer: int, x: int, y: int) -> tuple[float, float] | None:
    """Return the position of a GObj's sprite or model. `object_pointer` is the address of a pointer to the GObj."""
    shown = memory.follow(object_pointer)
    shown = memory.follow(shown + OBJECT) if shown else None
    return (memory.f32[shown + x], memory.f32[shown + y]) if shown else None


class Slot(NamedTuple):
    """One player's slot on the fighter select."""

    cursor: tuple[float, float] | None
    puck: tuple[float, float] | None
    level: int
    fighter: int
    costume: int
    held: int
    kind: int
    is_ready: bool  # a fighter is chosen
    is_adjusting: bool  # the game moves the cursor


def read_slot(memory: Memory, player: int) -> Slot:
    """Return the slot of player 0 to 3."""
    slot = SLOTS + player * SLOT_BYTES
    return Slot(
        cursor=read_position(memory, slot + SLOT_CURSOR, SPRITE_X, SPRITE_Y),
        puck=read_position(memory, slot + SLOT_PUCK, SPRITE_X, SPRITE_Y),
        level=memory.s32[slot + SLOT_LEVEL],
        fighter=memory.s32[slot + SLOT_FIGHTER],
        costume=memory.s32[slot + SLOT_COSTUME],
        held=memory.s32[slot + SLOT_HELD],
        kind=memory.s32[slot + SLOT_KIND],
        is_ready=memory.s32[slot + SLOT_IS_READY] == 1,
        is_adjusting=memory.s32[slot + SLOT_IS_ADJUSTING] != 0,
    )
