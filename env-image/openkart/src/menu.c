/* Cursor and values of the course select. */
#include "menu.h"

#include "course.h"

#define STICK_PRESS 40 /* a stick beyond this value counts as a direction */

typedef struct {
    int16_t low, high, first;
    int16_t large; /* 1 if L, R and Z apply */
} Range;

static const Range ranges[ROWS] = {
    [ROW_MODE] = {0, 1, 0, 0},  [ROW_COURSE] = {0, COURSES - 1, 0, 0}, [ROW_SEED] = {0, SEEDS - 1, 0, 1},
    [ROW_LEVEL] = {0, 2, 0, 0}, [ROW_LAPS] = {1, MAX_LAPS, 3, 0},      [ROW_START] = {0, 99, 0, 1},
    [ROW_MIRROR] = {0, 1, 0, 0},
};

void menu_start(Menu *menu) {
    *menu = (Menu){0};
    for (int row = 0; row < ROWS; row++) menu->value[row] = ranges[row].first;
}

void menu_enter(Menu *menu) { menu->stick_x_was = menu->stick_y_was = 1; }

int menu_shows(const Menu *menu, enum Row row) {
    if (row == ROW_SEED) return menu->value[ROW_COURSE] == COURSE_GENERATED;
    if (row == ROW_LEVEL) return menu->value[ROW_MODE] == MODE_GRAND_PRIX;
    return 1;
}

/* Wraps x into low..high. */
static int32_t wrap(int32_t x, int32_t low, int32_t high) {
    int32_t count = high - low + 1, past = (x - low) % count;
    return low + (past < 0 ? past + count : past);
}

static int32_t direction(int32_t stick) { return stick > STICK_PRESS ? 1 : stick < -STICK_PRESS ? -1 : 0; }

static int32_t step_of(Pad pad) {
    return pad.buttons & PAD_Z ? 1000 : pad.buttons & PAD_R ? 100 : pad.buttons & PAD_L ? 10 : 1;
}

void menu_step(Menu *menu, Pad pad) {
    int32_t x = direction(pad.x), y = direction(pad.y);
    int32_t across = menu->stick_x_was == 0 ? x : 0, down = menu->stick_y_was == 0 ? -y : 0;
    menu->stick_x_was = x, menu->stick_y_was = y;
    menu->row = wrap(menu->row + down, 0, ROWS - 1);
    while (!menu_shows(menu, menu->row)) menu->row = wrap(menu->row + down, 0, ROWS - 1);
    menu->rested++;
    if (!across) return;
    const Range *range = &ranges[menu->row];
    menu->value[menu->row] =
        wrap(menu->value[menu->row] + across * (range->large ? step_of(pad) : 1), range->low, range->high);
    menu->rested = 0;
}
