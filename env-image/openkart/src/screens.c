/* The stages' overlays. */
#include "screens.h"

#include "font.h"
#include "hud.h"
#include "raster.h"

#define WHITE RGB(255, 255, 255)
#define ROW_STEP 9 /* lines from one row of the menu to the next */
#define YELLOW RGB(255, 224, 64)

static int blink(uint32_t time) { return (time & 63) < 44; }

static void title(const Game *game) {
    text_large("OPEN", 74, 14, 4, RGB(255, 232, 64), RGB(255, 144, 16));
    text_large("KART", 86, 48, 4, RGB(255, 96, 64), RGB(216, 24, 32));
    if (blink(game->stage_time)) text_centre("PRESS START", 98, WHITE);
}

/* Decimal number without leading spaces, into at least 12 bytes. */
static char *decimal(char *text, int32_t n) {
    int digits = 1;
    for (int32_t rest = n; rest >= 10; rest /= 10) digits++;
    for (int i = digits - 1; i >= 0; i--, n /= 10) text[i] = (char)('0' + n % 10);
    text[digits] = 0;
    return text;
}

static const char *value_text(const Menu *menu, enum Row row, char *number) {
    static const char *const modes[] = {"TIME TRIAL", "GRAND PRIX"}, *const levels[] = {"EASY", "MEDIUM", "HARD"},
                             *const mirrors[] = {"NO", "YES"};
    int32_t value = menu->value[row];
    if (row == ROW_MODE) return modes[value];
    if (row == ROW_COURSE) return course_list[value]->name;
    if (row == ROW_LEVEL) return levels[value];
    if (row == ROW_MIRROR) return mirrors[value];
    return decimal(number, value);
}

/* Draws row `row` at y. A bar and arrows mark the row of the cursor. */
static void menu_row(const Menu *menu, enum Row row, int y) {
    static const char *const labels[ROWS] = {"MODE", "COURSE", "SEED", "LEVEL", "LAPS", "START", "MIRROR"};
    int is_here = row == (enum Row)menu->row, x = 59;
    char number[12];
    const char *value = value_text(menu, row, number);
    if (is_here) raster_rectangle(6, y - 1, 148, ROW_STEP, RGB(32, 72, 184));
    text_draw(labels[row], 10, y, is_here ? YELLOW : RGB(168, 200, 240));
    text_draw(value, x, y, WHITE);
    for (; *value; value++) x += TEXT_STEP;
    if (row == ROW_START) text_draw("%", x, y, WHITE);
    if (!is_here) return;
    text_draw("<", 51, y, YELLOW);
    text_draw(">", 147, y, YELLOW);
}

/* Draws the course from above with a dot where the race begins, its length, and the best lap so far. */
static void course_panel(const Game *game) {
    char text[12];
    raster_shade(4, 4, 50, 44);
    raster_shade(58, 4, 98, 44);
    text_draw("A: GO", 64, 9, blink(game->stage_time) ? YELLOW : WHITE);
    text_draw("B: BACK", 106, 9, WHITE);
    if (!game_course_ready(game)) return; /* `course` is still the previous choice */
    hud_map_panel(game, 7, 6, 42);
    text_draw("LAP", 64, 22, RGB(168, 200, 240));
    text_draw(decimal(text, course_length(&game->course) >> 16), 100, 22, WHITE);
    text_draw("M", 121, 22, WHITE);
    if (!game_best_lap(game)) return;
    text_draw("BEST", 64, 34, RGB(168, 200, 240));
    text_draw(hud_time(text, game_best_lap(game)), 100, 34, YELLOW);
}

static void select(const Game *game) {
    int rows = 0, y;
    for (int row = 0; row < ROWS; row++) rows += menu_shows(&game->menu, row);
    y = 117 - rows * ROW_STEP;
    raster_shade(4, y - 3, 152, rows * ROW_STEP + 3);
    for (int row = 0; row < ROWS; row++)
        if (menu_shows(&game->menu, row)) menu_row(&game->menu, row, y), y += ROW_STEP;
    course_panel(game);
}

static void lamp(int x, int y, Pixel colour) {
    static const uint8_t inset[10] = {3, 1, 1, 0, 0, 0, 0, 1, 1, 3};
    for (int row = 0; row < 10; row++) raster_rectangle(x + inset[row], y + row, 10 - 2 * inset[row], 1, colour);
    raster_rectangle(x + 3, y + 2, 2, 2, WHITE);
}

/* lit: the number of lit lamps, 0 to 3. */
static void traffic_light(int lit, Pixel colour) {
    raster_rectangle(58, 20, 44, 16, RGB(24, 24, 32));
    raster_rectangle(59, 21, 42, 14, RGB(56, 56, 64));
    for (int i = 0; i < 3; i++) lamp(62 + i * 13, 23, i < lit ? colour : RGB(24, 24, 24));
}

static void results(const Game *game) {
    char time[12], label[8] = "LAP 1";
    raster_shade(24, 22, 112, 78);
    if (game->karts > 1) {
        char place[] = "FINISH: 1ST OF 8";
        place[8] = (char)('0' + game->place);
        place[9] = hud_ordinal(game->place)[0], place[10] = hud_ordinal(game->place)[1];
        place[15] = (char)('0' + game->karts);
        text_centre(place, 27, YELLOW);
    } else {
        text_centre("FINISH!", 27, YELLOW);
    }
    for (int i = 0; i < game->laps_done; i++) {
        label[4] = (char)('1' + i);
        text_draw(label, 36, 42 + i * 11, WHITE);
        text_draw(hud_time(time, game->lap_times[i]), 82, 42 + i * 11,
                  game->lap_times[i] == game_best_lap(game) ? YELLOW : WHITE);
    }
    text_draw("TOTAL", 36, 77, WHITE);
    text_draw(hud_time(time, game->race_time), 82, 77, YELLOW);
    if (blink(game->stage_time)) text_centre("PRESS A", 89, WHITE);
}

void screens_draw(const Game *game) {
    switch (game->stage) {
        case STAGE_TITLE:
            title(game);
            break;
        case STAGE_SELECT:
            select(game);
            break;
        case STAGE_COUNTDOWN:
            traffic_light((int)game->stage_time / 40, RGB(240, 32, 32));
            break;
        case STAGE_RACE:
            if (game->race_time < GREEN_TIME) traffic_light(3, RGB(48, 232, 64));
            if (game->wrong_way && (game->race_time & 31) < 22) text_centre("WRONG WAY!", 50, RGB(255, 64, 48));
            if (game->paused) {
                raster_shade(40, 40, 80, 34);
                text_centre("PAUSE", 45, YELLOW);
                text_centre("START: GO ON", 55, WHITE);
                text_centre("Z: LEAVE", 64, WHITE);
            }
            break;
        case STAGE_RESULTS:
            results(game);
            break;
        default:
            break;
    }
}
