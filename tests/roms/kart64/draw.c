/* Draws the name of the screen; in a race, also a map and the race's numbers. */
#include "double.h"
#include "font.h"
#include "raster.h"

#define WHITE RGB(255, 255, 255)
#define YELLOW RGB(255, 224, 64)
#define MAP_UNITS (18 * 2.2f) /* Mario Kart 64's units per pixel of the map */

static const char *const course_names[COURSE_IDS] = {
    "MARIO RACEWAY",  "CHOCO MOUNTAIN", "BOWSER'S CASTLE", "BANSHEE BOARDWALK", "YOSHI VALLEY",
    "FRAPPE SNOWLAND", "KOOPA BEACH",   "ROYAL RACEWAY",   "LUIGI RACEWAY",     "MOO MOO FARM",
    "TOAD'S TURNPIKE", "KALIMARI DESERT", "SHERBET LAND",  "RAINBOW ROAD",      "WARIO STADIUM",
    "BLOCK FORT",     "SKYSCRAPER",     "DOUBLE DECK",     "D.K.'S JUNGLE",     "BIG DONUT",
};
static const char *const character_names[PLAYER_COUNT] = {"MARIO", "LUIGI", "YOSHI", "TOAD",
                                                     "D.K.",  "WARIO", "PEACH", "BOWSER"};
static const char *const modes[] = {"MARIO GP", "TIME TRIALS"};

/* Writes the last `places` digits of n and a terminating 0 into text. */
static void digits(char *text, int32_t n, int places) {
    text[places] = 0;
    while (places-- > 0) text[places] = (char)('0' + n % 10), n /= 10;
}

static void time_draw(int32_t hundredths, int x, int y, Pixel colour) {
    char text[12];
    digits(text, hundredths / 6000 % 10, 1);
    text[1] = '\'';
    digits(text + 2, hundredths / 100 % 60, 2);
    text[4] = '"';
    digits(text + 5, hundredths % 100, 2);
    text_draw(text, x, y, colour);
}

static int map_x(float x) { return SCREEN_W / 2 + (int)(x / MAP_UNITS); }
static int map_y(float z) { return SCREEN_H / 2 + (int)(z / MAP_UNITS); }

static void dot(const float *pos, Pixel colour) {
    int x = map_x(pos[0]), y = map_y(pos[2]);
    if (x > 2 && x < SCREEN_W - 3 && y > 2 && y < SCREEN_H - 3) raster_rectangle(x - 1, y - 1, 3, 3, colour);
}

static void race(void) {
    char text[8];
    for (int32_t i = 0; i < gPathCountByPathIndex[0]; i += 2) {
        int x = map_x(gCurrentTrackPath[i].x), y = map_y(gCurrentTrackPath[i].z);
        if (x >= 0 && x < SCREEN_W && y >= 0 && y < SCREEN_H) canvas[y * SCREEN_W + x] = WHITE;
    }
    for (int i = PLAYER_COUNT - 1; i >= 0; i--)
        if (gPlayers[i].type & PLAYER_EXISTS) dot(gPlayers[i].pos, i ? YELLOW : RGB(255, 32, 32));
    text_centre(course_names[gCurrentCourseId], 3, YELLOW);
    text_draw("L", 4, 108, WHITE);
    digits(text, gLapCountByPlayerId[0] < 0 ? 0 : gLapCountByPlayerId[0], 1);
    text_draw(text, 10, 108, WHITE);
    digits(text, gGPCurrentRaceRankByPlayerId[0] + 1, 1);
    text_draw(text, 24, 108, YELLOW);
    digits(text, (int32_t)(gPlayers[0].speed * 12), 3);
    text_draw(text, 40, 108, WHITE);
    time_draw(playerHUD[0].someTimer, 112, 108, WHITE);
    if (gRaceState < RACE_RACING) text_centre("READY", 50, RGB(255, 64, 48));
    if (gIsPlayerWrongDirection[0]) text_centre("WRONG WAY", 60, RGB(255, 64, 48));
    if (gDemoMode) text_centre("DEMO", 70, YELLOW);
    if (gIsGamePaused) text_centre("PAUSE", 80, YELLOW);
    if (gRaceState < RACE_RESULTS) return;
    for (int i = 0; i < 3; i++) time_draw(playerHUD[0].lapDuration[i], 60, 36 + 10 * i, YELLOW);
}

static void menu(void) {
    char number[4];
    switch (gMenuSelection) {
        case MENU_LOGO:
            text_centre("A DOUBLE", 56, WHITE);
            break;
        case MENU_START:
            text_centre("PRESS START", 56, YELLOW);
            break;
        case MENU_MAIN:
            text_centre("GAME SELECT", 8, YELLOW);
            digits(number, gPlayerCount, 1);
            text_draw(number, 20, 40, gMainMenuSelectionDepth == MAIN_PLAYERS ? YELLOW : WHITE);
            text_draw(modes[gGameModeMenuColumn[0]], 20, 52, gMainMenuSelectionDepth == MAIN_MODE ? YELLOW : WHITE);
            digits(number, gGameModeSubMenuColumn[0][gGameModeMenuColumn[0]], 1);
            text_draw(number, 20, 64, gMainMenuSelectionDepth == MAIN_OPTION ? YELLOW : WHITE);
            if (gMainMenuSelectionDepth == MAIN_OK) text_draw("OK", 20, 76, YELLOW);
            break;
        case MENU_PLAYERS:
            text_centre("PLAYER SELECT", 8, YELLOW);
            text_centre(character_names[gCharacterSelections[0]], 52, WHITE);
            if (gPlayerSelectMenuSelection == PLAYERS_OK) text_centre("OK", 76, YELLOW);
            break;
        case MENU_COURSES:
            text_centre("MAP SELECT", 8, YELLOW);
            digits(number, gCupSelection + 1, 1);
            text_draw("CUP", 20, 40, gSubMenuSelection == COURSES_CUP ? YELLOW : WHITE);
            text_draw(number, 44, 40, gSubMenuSelection == COURSES_CUP ? YELLOW : WHITE);
            text_draw(course_names[gCurrentCourseId], 20, 52, gSubMenuSelection == COURSES_COURSE ? YELLOW : WHITE);
            if (gSubMenuSelection == COURSES_OK) text_draw("OK", 20, 76, YELLOW);
            break;
    }
}

void draw_frame(void) {
    raster_begin();
    raster_rectangle(0, 0, SCREEN_W, SCREEN_H, gGamestate == GAME_RACING ? RGB(24, 96, 40) : RGB(24, 32, 96));
    if (gGamestate == GAME_RACING)
        race();
    else
        menu();
    raster_finish();
}
