/* The Mario Kart 64 variables that the double has, with the game's names and types, at the addresses of symbols.ld.
 *
 * Their meaning is public (the decompilation's headers). n64gym/games/mariokart64_memory.py reads the same variables. */
#ifndef KART64_SYMBOLS_H
#define KART64_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

enum GameState { GAME_MENUS = 0, GAME_RACING = 4, GAME_LOGO = 7, GAME_RESTART = 0xFF, GAME_BOOT = 0xFFFF };
enum Menu { MENU_LOGO = 8, MENU_START = 10, MENU_MAIN, MENU_PLAYERS, MENU_COURSES, MENU_RACING };
enum MainMenu { MAIN_PLAYERS = 3, MAIN_MODE, MAIN_OPTION, MAIN_OK };
enum PlayerMenu { PLAYERS_GRID = 1, PLAYERS_OK };
enum CourseMenu { COURSES_CUP = 1, COURSES_COURSE, COURSES_OK };
enum RaceState {
    RACE_INIT,
    RACE_ZOOM,
    RACE_STAGING,
    RACE_RACING,
    RACE_FINISHED,
    RACE_RESULTS,
    RACE_QUIT,
    RACE_MENU,
};
enum Mode { MODE_GRAND_PRIX, MODE_TIME_TRIAL };

#define PLAYER_COUNT 8
#define COURSE_NONE 0xFF
#define COURSE_IDS 20 /* ids of race and battle courses */

enum PlayerType {
    PLAYER_EXISTS = 0x8000,
    PLAYER_HUMAN = 0x4000,
    PLAYER_START_SEQUENCE = 0x2000,
    PLAYER_CPU = 0x1000,
    PLAYER_CINEMATIC = 0x800,
};

enum Effect {
    EFFECT_MIDAIR = 0x8,
    EFFECT_DRIFTING = 0x10,
    EFFECT_BOOST = 0x2000,
    EFFECT_REVERSE = 0x400000,
    EFFECT_HIT = 0x4000000,
};

enum Surface { SURFACE_AIRBORNE = 0, SURFACE_ASPHALT = 1, SURFACE_GRASS = 8 };

typedef struct {
    float pos[3];
    uint8_t surfaceType, surfaceFlags;
    uint16_t collisionMeshIndex;
    float baseHeight;
    int32_t shade;
} Tyre;

typedef struct {
    uint16_t type;
    char pad_002[2];
    int16_t currentRank;
    char pad_006[2];
    int16_t lapCount;
    char pad_00A[2];
    uint32_t triggers;
    int16_t currentItemCopy;
    char pad_012[2];
    float pos[3], oldPos[3];
    int16_t rotation[3];
    char pad_032[2];
    float velocity[3];
    char pad_040[0x30];
    float boundingBoxSize;
    char pad_074[8];
    int32_t steering;
    float boostPower;
    char pad_084[0x10];
    float speed;
    char pad_098[4];
    float currentSpeed;
    char pad_0A0[0x1C];
    uint32_t effects;
    char pad_0C0[0x2C];
    float kartHopVelocity;
    char pad_0F0[8];
    uint16_t surfaceType;
    char pad_0FA[0x9E];
    Tyre tyres[4];
    char pad_1F8[0x5C];
    uint16_t characterId;
    char pad_256[0xB82];
} Player;

_Static_assert(sizeof(Player) == 0xDD8 && offsetof(Player, pos) == 0x14 && offsetof(Player, velocity) == 0x34 &&
                   offsetof(Player, speed) == 0x94 && offsetof(Player, effects) == 0xBC &&
                   offsetof(Player, surfaceType) == 0xF8 && offsetof(Player, tyres) == 0x198 &&
                   offsetof(Player, tyres[0].surfaceType) == 0x1A4 && offsetof(Player, characterId) == 0x254,
               "Mario Kart 64's Player");

typedef struct { /* times in hundredths of a second */
    float scale[2];
    int32_t someTimer, someTimer1, timeLastTouchedFinishLine;
    int32_t lapCompletionTime[3], lapDuration[3];
    char pad_2C[0x44];
    int8_t raceCompleteBool, lapCount, alsoLapCount, blinkState;
    char pad_74[2];
    int16_t itemOverride;
    char pad_78[0xC];
} PlayerHud;

_Static_assert(sizeof(PlayerHud) == 0x84 && offsetof(PlayerHud, lapCompletionTime) == 0x14 &&
                   offsetof(PlayerHud, raceCompleteBool) == 0x70,
               "Mario Kart 64's playerHUD");

typedef struct {
    int16_t rawStickX, rawStickY;
    uint16_t button, buttonPressed, buttonDepressed, stickDirection, stickPressed, stickDepressed;
} Controller;

typedef struct {
    int16_t x, y, z;
    uint16_t section;
} TrackPathPoint;

extern Controller *gControllerOne, gControllers[8];
extern int32_t gGamestate, gRaceState, gGamestateNext;
extern uint16_t gDemoMode, gIsGamePaused;
extern int32_t gActiveScreenMode, gScreenModeSelection, gPlayerCountSelection1, gModeSelection, gCCSelection;
extern int32_t gGlobalTimer;
extern float gCourseTimer;
extern int16_t gCurrentCourseId, gCurrentlyLoadedCourseId, gPlaceItemBoxes;

extern int32_t gMenuSelection, gMenuDelayTimer;
extern int8_t gCharacterSelections[4], gGameModeMenuColumn[4], gGameModeSubMenuColumn[4][3];
extern int16_t gCupCourseOrder[5][4];
extern int8_t gCharacterGridSelections[4], gCharacterGridIsSelected[4];
extern int8_t gSubMenuSelection, gMainMenuSelectionDepth, gPlayerSelectMenuSelection, gPlayerCount;
extern int8_t gCupSelection, gCupCourseSelection;

extern Player gPlayers[PLAYER_COUNT];
extern PlayerHud playerHUD[4];
extern float gTimePlayerLastTouchedFinishLine[PLAYER_COUNT];
extern uint16_t gWrongDirectionCounter[PLAYER_COUNT], gIsPlayerWrongDirection[PLAYER_COUNT];
extern int16_t gGPCurrentRacePlayerIdByRank[PLAYER_COUNT];
extern int32_t gLapCountByPlayerId[PLAYER_COUNT], gGPCurrentRaceRankByPlayerId[PLAYER_COUNT];
extern int32_t gNumPathPointsTraversed[PLAYER_COUNT];
extern float gLapCompletionPercentByPlayerId[PLAYER_COUNT], gCourseCompletionPercentByPlayerId[PLAYER_COUNT];
extern uint16_t gSelectedPathCount, gNearestPathPointByPlayerId[PLAYER_COUNT], gPathIndexByPlayerId[PLAYER_COUNT];
extern uint16_t gPathCountByPathIndex[4], gRandomSeed16;
extern TrackPathPoint *gCurrentTrackPath, *gTrackPaths[4];
extern int16_t *gPathExpectedRotation[4];

#endif
