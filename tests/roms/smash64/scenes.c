/* The scenes, and every menu except the fighter select. */
#include "smash64.h"

#ifdef SLOW
#define LOADING_FRAMES 300
#define SLOWNESS 4
#else
#define LOADING_FRAMES 40 /* between scenes, while the new menu's code is read from the cartridge */
#define SLOWNESS 2        /* VIs per frame of the fighter select */
#endif

static int loading, clock, objects, repeat;

Object *new_object(void) {
    Object *object = (Object *)(OBJECTS + objects++ * 0x100);
    object->shown = (Shown *)((uint8_t *)object + 0x80);
    return object;
}

int menu_step(const Pad *pad, int up, int down) {
    if (!(pad->held & (UP | DOWN | LEFT | RIGHT))) repeat = 0;
    int step = pad->held & up ? -1 : pad->held & down ? 1 : 0;
    if (!step || repeat-- > 0) return 0;
    repeat = 12;
    return step;
}

/* RAM has the number of the new scene at once. Until the scene begins, the addresses of its variables hold its code. */
void go_to(int next) {
    scene_before = scene;
    scene = (uint8_t)next;
    loading = LOADING_FRAMES;
    clock = objects = 0;
    for (uint32_t word = MENUS_BEGIN; word < MENUS_END; word += 4) AT(uint32_t, word) = word * 2654435761u;
    paint(0, 0, 160, 120, 1);
}

static int around(int value, int low, int high) { return value < low ? high : value > high ? low : value; }

static void mode_select(const Pad *pad) {
    mode_clock = clock;
    if (clock == 0) mode_cursor = scene_before == VS_MENU;
    if (clock < 10) return;
    if (pad->pressed & (BUTTON_A | BUTTON_START)) {
        if (mode_cursor <= 1) go_to(mode_cursor ? VS_MENU : ONE_PLAYER);
        return;
    }
    mode_cursor = around(mode_cursor + menu_step(pad, UP | RIGHT, DOWN | LEFT), 0, 3);
}

static void vs_menu(const Pad *pad) {
    vs_clock = clock;
    if (clock == 0) {
        vs_cursor = 0;
        vs_rule = vs_state.rules == STOCK_RULE;
        vs_minutes = vs_state.minutes;
        vs_stocks = vs_state.stocks;
    }
    if (clock < 10) return;
    if (pad->pressed & (BUTTON_A | BUTTON_START) && vs_cursor == 0) {
        vs_state.minutes = (uint8_t)vs_minutes;
        vs_state.stocks = (uint8_t)vs_stocks;
        vs_state.is_team = vs_rule > 1;
        vs_state.rules = vs_rule & 1 ? STOCK_RULE : TIME_RULE;
        go_to(FIGHTER_SELECT);
        return;
    }
    if (pad->pressed & BUTTON_B) {
        go_to(MODE_SELECT);
        return;
    }
    int row = menu_step(pad, UP, DOWN);
    if (row) {
        vs_cursor = around(vs_cursor + row, 0, 3);
        return;
    }
    int change = vs_cursor == 1 || vs_cursor == 2 ? menu_step(pad, LEFT, RIGHT) : 0;
    if (vs_cursor == 1 && vs_rule + change >= 0 && vs_rule + change <= 3) vs_rule += change;
    if (vs_cursor == 2 && !(vs_rule & 1)) vs_minutes = around(vs_minutes + change, 1, NO_LIMIT);
    if (vs_cursor == 2 && vs_rule & 1) vs_stocks = around(vs_stocks + change, 0, 98);
}

static int stage_locked(int place) { return place == 4 && !(unlocked & 1 << 4); }

static void stage_select(const Pad *pad) {
    static const uint8_t stages[10] = {0, 2, 4, 3, MUSHROOM_KINGDOM, 5, 6, 1, 7, 0};
    stage_clock = clock;
    if (clock == 0) stage_cursor = 0;
    if (clock < 10) return;
    if (pad->pressed & (BUTTON_A | BUTTON_START)) {
        scene_stage = stages[stage_cursor];
        go_to(VS_BATTLE);
        return;
    }
    int row = menu_step(pad, UP, DOWN), place = stage_cursor + 5 * row;
    if (row && place >= 0 && place < 10 && !stage_locked(place)) stage_cursor = place;
    int column = row ? 0 : menu_step(pad, LEFT, RIGHT);
    place = stage_cursor < 5 ? around(stage_cursor + column, 0, 4) : around(stage_cursor + column, 5, 9);
    if (column) stage_cursor = !stage_locked(place) ? place : column < 0 ? 3 : 0;
}

void scenes_start(void) {
    for (int i = 0; i < 4; i++)
        vs_state.players[i] = (Player){.level = 3, .handicap = 9, .kind = NOBODY, .fighter = NO_FIGHTER};
    vs_state.rules = TIME_RULE;
    vs_state.minutes = 3;
    vs_state.stocks = 2;
    vs_state.stage_select = vs_state.fresh = 1;
    vs_state.item_rate = 3;
    sudden_death_state = vs_state;
    scene = N64_LOGO;
}

void scenes_frame(const Pad *pad) {
    int skip = clock >= 10 && pad->pressed & (BUTTON_A | BUTTON_B | BUTTON_START);
    if (loading > 0) {
        loading--;
        return;
    }
    paint(0, 0, clock < 160 ? clock : 160, 4, scene << 6 | 1); /* so that every menu looks different */
    switch (scene) {
    case TITLE:
        if (clock > 120 && skip && !(pad->pressed & BUTTON_B)) go_to(MODE_SELECT);
        break;
    case MODE_SELECT: mode_select(pad); break;
    case ONE_PLAYER:
        if (pad->pressed & BUTTON_B) go_to(MODE_SELECT);
        break;
    case VS_MENU: vs_menu(pad); break;
    case FIGHTER_SELECT:
        if (clock == 0) fighters_start();
        if (clock % SLOWNESS == 1) fighters_frame(pad); /* a slow menu: 30 frames a second */
        break;
    case STAGE_SELECT: stage_select(pad); break;
    case VS_BATTLE:
        if (clock == 0) battle_start();
        battle_frame(pad);
        break;
    case VS_RESULTS:
        if (skip) go_to(FIGHTER_SELECT);
        break;
    case N64_LOGO:
        if (clock == 100) go_to(OPENING);
        break;
    default: /* the movie */
        if (skip) go_to(TITLE);
        else if (clock == 300) go_to(scene == LAST_OPENING ? TITLE : scene + 1);
    }
    if (!loading) clock++;
}
