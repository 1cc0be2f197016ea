"""The variables of Mario Kart 64 (US) in RDRAM: their public addresses and types, and functions that read them.

Source: the decompilation's headers (n64decomp/mk64: defines.h, common_structs.h, menus.h, variables.h, bss listings).
Nothing here has been tested on the real game. So mariokart64_menu.check_race checks that the values found describe a
race.
"""

from __future__ import annotations

from typing import NamedTuple

from n64gym.machine.memory import Memory

COURSES = {  # in the order of the cups, four courses per cup
    "luigi_raceway": 8,
    "moo_moo_farm": 9,
    "koopa_troopa_beach": 6,
    "kalimari_desert": 11,
    "toads_turnpike": 10,
    "frappe_snowland": 5,
    "choco_mountain": 1,
    "mario_raceway": 0,
    "wario_stadium": 14,
    "sherbet_land": 12,
    "royal_raceway": 7,
    "bowsers_castle": 2,
    "dks_jungle_parkway": 18,
    "yoshi_valley": 4,
    "banshee_boardwalk": 3,
    "rainbow_road": 13,
}
CHARACTERS = ("mario", "luigi", "yoshi", "toad", "donkey_kong", "wario", "peach", "bowser")  # index = id
GRID = ("mario", "luigi", "peach", "toad", "yoshi", "donkey_kong", "wario", "bowser")  # the select screen, 4 per row
MODES = ("grand_prix", "time_trial")
CLASSES = ("50cc", "100cc", "150cc")
LAPS = 3

MENUS, RACING = range(4), 4  # gGamestate
LOGO, TITLE, MAIN_MENU, PLAYER_SELECT, COURSE_SELECT = 8, 10, 11, 12, 13  # gMenuSelection
OPTIONS, DATA, COURSE_DATA = 5, 6, 7
PLAYERS, MODE, OPTION, OK, OK_AGAIN, OPTION_AGAIN = 3, 4, 5, 6, 7, 8  # gMainMenuSelectionDepth
DRIVER, DRIVER_OK, DRIVER_OK_AGAIN = 1, 2, 3  # gPlayerSelectMenuSelection
CUP, COURSE, COURSE_OK = 1, 2, 3  # gSubMenuSelection
UNDER_WAY = 3  # gRaceState: 0 to 2 before the race, 4 and more after the finish

EXISTS, HUMAN, WAITING, COMPUTER, GHOST = 0x8000, 0x4000, 0x2000, 0x1000, 0x0100  # Player.type
DRIFTING = 0x10  # Player.effects
# Player.effects: bits for hits by a green shell, an enemy, a tumble, lightning, an explosion, a red shell or star, or
# for being squashed. Driving into a wall sets none of them.
HIT = 0x400 | 0x8000 | 0x10000 | 0x20000 | 0x1000000 | 0x2000000 | 0x4000000

AIRBORNE, GRASS = 0, 8  # surfaces under a tyre
# Sand beside Mario Raceway, grass, snow beside Frappe Snowland, sand beside Kalimari Desert, out of bounds. Other kinds
# of sand are missing here because they are the road on some courses.
OFF_ROAD = frozenset({7, GRASS, 11, 13, 0xFD})
OFF_ROAD_THERE = {COURSES["luigi_raceway"]: frozenset({2}), COURSES["royal_raceway"]: frozenset({3})}

SYMBOLS = {
    "gGamestate": 0x800DC50C,
    "gRaceState": 0x800DC510,
    "gDemoMode": 0x800DC51C,
    "gModeSelection": 0x800DC53C,
    "gCCSelection": 0x800DC548,
    "gCourseTimer": 0x800DC598,
    "gCurrentCourseId": 0x800DC5A0,
    "gMenuSelection": 0x800E86A0,
    "gGameModeSubMenuColumn": 0x800E86B0,
    "gPlayers": 0x800F6990,
    "gIsPlayerWrongDirection": 0x80163270,
    "gLapCountByPlayerId": 0x80164390,
    "gGPCurrentRaceRankByPlayerId": 0x801643B8,
    "gNearestPathPointByPlayerId": 0x80164438,
    "gCourseCompletionPercentByPlayerId": 0x801644D0,
    "gPathIndexByPlayerId": 0x801645B0,
    "gPathCountByPathIndex": 0x801645C8,
    "playerHUD": 0x8018CA70,
    "gCharacterGridSelections": 0x8018EDE4,
    "gSubMenuSelection": 0x8018EDEC,
    "gMainMenuSelectionDepth": 0x8018EDED,
    "gPlayerSelectMenuSelection": 0x8018EDEE,
    "gPlayerCount": 0x8018EDF3,
    "gCupSelection": 0x8018EE09,
    "gCupCourseSelection": 0x8018EE0B,
    "gRandomSeed16": 0x802BA290,
}
KARTS, PLAYER_BYTES = 8, 0xDD8
# Memory in which two different runs of a race sooner or later differ: first and last address.
TELLING = (
    (SYMBOLS["gCourseTimer"], SYMBOLS["gCourseTimer"] + 4),
    (SYMBOLS["gPlayers"], SYMBOLS["gPlayers"] + KARTS * PLAYER_BYTES),
    (0x80164360, 0x80164600),  # places, laps, path points, completion
    (SYMBOLS["playerHUD"], SYMBOLS["playerHUD"] + 0x84),
    (SYMBOLS["gRandomSeed16"], SYMBOLS["gRandomSeed16"] + 4),
)
WATCH = tuple([(first & 0x1FFFFFFF) >> 2, (end & 0x1FFFFFFF) >> 2, 1] for first, end in TELLING)  # words of RDRAM


class Menu(NamedTuple):
    """The game's current screen, and the choices made in its menus so far."""

    game_state: int
    race_state: int
    demo: int  # 1 while the game plays a demo because no button was pressed
    menu: int
    main_menu: int
    driver_menu: int
    course_menu: int
    players: int
    mode: int
    option: int  # the row below the mode: engine class in a grand prix; begin or data in a time trial
    engine: int
    grid: int  # 1 to 8
    cup: int
    cup_course: int
    course: int


def read_menu(memory: Memory) -> Menu:
    """Return the Menu in memory."""
    at = SYMBOLS
    mode = memory.s32[at["gModeSelection"]]
    return Menu(
        game_state=memory.s32[at["gGamestate"]],
        race_state=memory.s32[at["gRaceState"]],
        demo=memory.u16[at["gDemoMode"]],
        menu=memory.s32[at["gMenuSelection"]],
        main_menu=memory.s8[at["gMainMenuSelectionDepth"]],
        driver_menu=memory.s8[at["gPlayerSelectMenuSelection"]],
        course_menu=memory.s8[at["gSubMenuSelection"]],
        players=memory.s8[at["gPlayerCount"]],
        mode=mode,
        option=memory.s8[at["gGameModeSubMenuColumn"] + (mode & 1)],
        engine=memory.s32[at["gCCSelection"]],
        grid=memory.s8[at["gCharacterGridSelections"]],
        cup=memory.s8[at["gCupSelection"]],
        cup_course=memory.s8[at["gCupCourseSelection"]],
        course=memory.s16[at["gCurrentCourseId"]],
    )


class Race(NamedTuple):
    """The state of player 1 in a race."""

    mode: str
    course: int
    flags: int
    character: int
    position: tuple[float, float, float]  # in the game's units
    velocity: tuple[float, float, float]  # units per 1/60 s
    speed: float  # units per 1/60 s; one unit is 12 km/h
    effects: int
    surfaces: tuple[int, ...]  # surface id under each of the four tyres
    item: int
    lap: int  # -1 before the first crossing of the line, 3 after the race
    completion: float  # lap + fraction; the fraction resets just before the line, the lap changes at the line
    path_point: int
    path_points: int
    wrong_way: bool
    rank: int  # 0 is first
    karts: int
    timer: float  # seconds
    lap_ends: tuple[int, int, int]  # hundredths of a second since the start; 0 = not yet
    lap_times: tuple[int, int, int]  # hundredths of a second
    complete: bool


def read_race(memory: Memory) -> Race:
    """Return the Race in memory."""
    at = SYMBOLS
    player, hud = at["gPlayers"], at["playerHUD"]
    path = memory.u16[at["gPathIndexByPlayerId"]] & 3
    types = [memory.u16[player + i * PLAYER_BYTES] for i in range(KARTS)]
    x, y, z, vx, vy, vz = (memory.f32[player + offset] for offset in (0x14, 0x18, 0x1C, 0x34, 0x38, 0x3C))
    ends, times = ([memory.s32[hud + first + 4 * i] for i in range(LAPS)] for first in (0x14, 0x20))
    return Race(
        mode=MODES[memory.s32[at["gModeSelection"]] & 1],
        course=memory.s16[at["gCurrentCourseId"]],
        flags=types[0],
        character=memory.u16[player + 0x254],
        position=(x, y, z),
        velocity=(vx, vy, vz),
        speed=memory.f32[player + 0x94],
        effects=memory.u32[player + 0xBC],
        surfaces=tuple(memory.u8[player + 0x198 + 0x18 * tyre + 0xC] for tyre in range(4)),
        item=memory.s16[player + 0x10],
        lap=memory.s32[at["gLapCountByPlayerId"]],
        completion=memory.f32[at["gCourseCompletionPercentByPlayerId"]],
        path_point=memory.u16[at["gNearestPathPointByPlayerId"]],
        path_points=memory.u16[at["gPathCountByPathIndex"] + 2 * path],
        wrong_way=memory.u16[at["gIsPlayerWrongDirection"]] != 0,
        rank=memory.s32[at["gGPCurrentRaceRankByPlayerId"]],
        karts=sum(bool(kind & EXISTS) and not kind & GHOST for kind in types),
        timer=memory.f32[at["gCourseTimer"]],
        lap_ends=(ends[0], ends[1], ends[2]),
        lap_times=(times[0], times[1], times[2]),
        complete=memory.s8[hud + 0x70] != 0,
    )


def place_of(race: Race) -> tuple[int, int]:
    """Return the place (1 is first) and the number of karts. In a time trial the ranks have no meaning, so (1, 1)."""
    return (race.rank + 1, race.karts) if race.mode == "grand_prix" else (1, 1)


def is_off_road(race: Race) -> bool:
    """Return whether at least two tyres are off the road."""
    beside = OFF_ROAD | OFF_ROAD_THERE.get(race.course, frozenset())
    return sum(surface in beside for surface in race.surfaces) >= 2
