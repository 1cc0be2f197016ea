/* Mario Kart 64's screens, from the logo to the OK of the course select. Presses are lost during a fade and shortly after
 * each choice. So a program that operates these menus must check the effect of each press. */
#include "double.h"

#define START_DELAY 46  /* frames before the start screen accepts a button */
#define LOGO_FRAMES 150 /* frames of the logo before the start screen */
#define DEMO_FRAMES 400 /* frames of the start screen without a button before the demo */
#define CHOICE_FRAMES 5 /* a choice is shown for this long before the next press counts */
#define START_IS_A(pressed) ((uint16_t)((pressed) & PAD_START ? (pressed) | PAD_A : (pressed)))

enum Demo { DEMO_COURSE = 0 };

static const int8_t grid_characters[9] = {0, 0, 1, 6, 3, 2, 4, 5, 7};
static int32_t fade_out, fade_in, choice, next_menu, frames;

void menus_enter(int32_t menu) {
    gMenuSelection = menu;
    gMenuDelayTimer = 0;
    frames = choice = fade_out = 0;
    fade_in = 7 + menu * 5 % 11; /* a different time for each screen */
    if (menu == MENU_START) gPlayerCount = 1, gCupSelection = gCupCourseSelection = 0;
    if (menu == MENU_MAIN) gMainMenuSelectionDepth = MAIN_PLAYERS;
    if (menu == MENU_PLAYERS) {
        gPlayerSelectMenuSelection = PLAYERS_GRID;
        for (int i = 0; i < 4; i++) {
            gCharacterGridSelections[i] = (int8_t)(i < gPlayerCount ? i + 1 : 0);
            gCharacterGridIsSelected[i] = 0;
        }
    }
    if (menu == MENU_COURSES) {
        gSubMenuSelection = COURSES_CUP;
        if (gModeSelection == MODE_GRAND_PRIX) gCupCourseSelection = 0;
    }
}

static void leave_for(int32_t menu) {
    next_menu = menu;
    fade_out = 9 + menu * 3 % 7;
}

static void set_race(void) {
    gPlayerCountSelection1 = gPlayerCount;
    gScreenModeSelection = gActiveScreenMode = 0;
    gGamestateNext = GAME_RACING;
}

static void arrive(void) {
    if (next_menu != MENU_RACING) {
        menus_enter(next_menu);
        return;
    }
    gMenuSelection = MENU_RACING;
    set_race();
}

static void start_menu(uint16_t pressed) {
    gMenuDelayTimer++;
    if (gMenuDelayTimer >= START_DELAY && (pressed & (PAD_A | PAD_START))) {
        leave_for(MENU_MAIN);
    } else if (frames >= DEMO_FRAMES) {
        gDemoMode = 1;
        gModeSelection = MODE_GRAND_PRIX;
        gCCSelection = 1;
        gCurrentCourseId = DEMO_COURSE;
        gCharacterSelections[0] = 0;
        gMenuSelection = MENU_RACING;
        set_race();
    } else if (pressed) {
        frames = 0;
    }
}

static void main_menu(uint16_t pressed) {
    int8_t *row = &gGameModeMenuColumn[gPlayerCount - 1], *option = &gGameModeSubMenuColumn[gPlayerCount - 1][*row];
    int8_t last_option = *row == MODE_TIME_TRIAL ? 1 : 2; /* begin, data; 50cc, 100cc, 150cc */
    switch (gMainMenuSelectionDepth) {
        case MAIN_PLAYERS:
            if (pressed & PAD_RIGHT && gPlayerCount < 4) gPlayerCount++;
            if (pressed & PAD_LEFT && gPlayerCount > 1) gPlayerCount--;
            if (pressed & PAD_B) leave_for(MENU_START);
            if (pressed & PAD_A && gPlayerCount == 1) gMainMenuSelectionDepth = MAIN_MODE;
            break;
        case MAIN_MODE:
            if (pressed & PAD_DOWN && *row < MODE_TIME_TRIAL) ++*row;
            if (pressed & PAD_UP && *row > 0) --*row;
            if (pressed & PAD_B) gMainMenuSelectionDepth = MAIN_PLAYERS;
            if (pressed & PAD_A) gMainMenuSelectionDepth = MAIN_OPTION;
            break;
        case MAIN_OPTION:
            if (pressed & PAD_DOWN && *option < last_option) ++*option;
            if (pressed & PAD_UP && *option > 0) --*option;
            if (pressed & PAD_B) gMainMenuSelectionDepth = MAIN_MODE;
            if (pressed & PAD_A && !(*row == MODE_TIME_TRIAL && *option == 1)) gMainMenuSelectionDepth = MAIN_OK;
            break;
        case MAIN_OK:
            if (pressed & PAD_B) gMainMenuSelectionDepth = MAIN_OPTION;
            if (pressed & PAD_A) {
                gCCSelection = *row == MODE_TIME_TRIAL ? 1 : *option;
                gPlaceItemBoxes = *row != MODE_TIME_TRIAL;
                leave_for(MENU_PLAYERS);
            }
            break;
    }
    gModeSelection = *row;
}

static void player_menu(uint16_t pressed) {
    int8_t *cell = &gCharacterGridSelections[0];
    if (gPlayerSelectMenuSelection == PLAYERS_GRID) {
        if (pressed & PAD_B) leave_for(MENU_MAIN);
        if (pressed & PAD_A) gCharacterGridIsSelected[0] = 1, gPlayerSelectMenuSelection = PLAYERS_OK;
        if (pressed & PAD_RIGHT && *cell != 4 && *cell != 8)
            ++*cell;
        else if (pressed & PAD_LEFT && *cell != 1 && *cell != 5)
            --*cell;
        else if (pressed & PAD_DOWN && *cell < 5)
            *cell = (int8_t)(*cell + 4);
        else if (pressed & PAD_UP && *cell > 4)
            *cell = (int8_t)(*cell - 4);
    } else {
        if (pressed & PAD_B) gCharacterGridIsSelected[0] = 0, gPlayerSelectMenuSelection = PLAYERS_GRID;
        if (pressed & PAD_A) leave_for(MENU_COURSES);
    }
    gCharacterSelections[0] = grid_characters[*cell];
}

static void course_menu(uint16_t pressed) {
    switch (gSubMenuSelection) {
        case COURSES_CUP:
            if (pressed & PAD_RIGHT && gCupSelection < 3) gCupSelection++;
            if (pressed & PAD_LEFT && gCupSelection > 0) gCupSelection--;
            if (pressed & PAD_B) leave_for(MENU_PLAYERS);
            if (pressed & PAD_A) gSubMenuSelection = gModeSelection == MODE_GRAND_PRIX ? COURSES_OK : COURSES_COURSE;
            break;
        case COURSES_COURSE:
            if (pressed & PAD_DOWN && gCupCourseSelection < 3) gCupCourseSelection++;
            if (pressed & PAD_UP && gCupCourseSelection > 0) gCupCourseSelection--;
            if (pressed & PAD_B) gSubMenuSelection = COURSES_CUP;
            if (pressed & PAD_A) gSubMenuSelection = COURSES_OK;
            break;
        case COURSES_OK:
            if (pressed & PAD_B) gSubMenuSelection = COURSES_CUP;
            if (pressed & PAD_A) leave_for(MENU_RACING);
            break;
    }
    gCurrentCourseId = gCupCourseOrder[gCupSelection][gCupCourseSelection];
}

void menus_frame(uint16_t pressed) {
    frames++;
    if (fade_out) {
        if (--fade_out == 0) arrive();
        return;
    }
    if (fade_in > 0) {
        fade_in--;
        return;
    }
    if (choice > 0) {
        choice--;
        return;
    }
    if (pressed && gMenuSelection != MENU_LOGO) choice = CHOICE_FRAMES;
    switch (gMenuSelection) {
        case MENU_LOGO:
            if (pressed || frames >= LOGO_FRAMES) leave_for(MENU_START);
            break;
        case MENU_START:
            start_menu(pressed);
            break;
        case MENU_MAIN:
            main_menu(START_IS_A(pressed));
            break;
        case MENU_PLAYERS:
            player_menu(START_IS_A(pressed));
            break;
        case MENU_COURSES:
            course_menu(START_IS_A(pressed));
            break;
    }
}
