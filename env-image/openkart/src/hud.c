/* The head-up display. The progress border runs round the screen's edge, clockwise from the middle of the bottom, and
 * grows with the lap. It is blue in the first lap, yellow in the second and red in the third, as in Mario Kart 64.
 */
#include "hud.h"

#include "font.h"
#include "kartmodel.h"
#include "raster.h"

#define BORDER 2                                    /* pixels thick */
#define BORDER_LENGTH (2 * SCREEN_W + 2 * SCREEN_H) /* pixels all round, corners counted twice */
#define MAP_X 134
#define MAP_Y 84
#define MAP_SIZE 28

static const Pixel lap_colours[MAX_LAPS + 1] = {RGB(40, 40, 56), RGB(32, 64, 255), RGB(255, 224, 0), RGB(240, 16, 16)};

char *hud_time(char *text, uint32_t vis) {
    uint32_t seconds = vis / 60, hundredths = (vis % 60) * 5 / 3, minutes = seconds / 60 % 10;
    seconds %= 60;
    text[0] = (char)('0' + minutes);
    text[1] = '\'';
    text[2] = (char)('0' + seconds / 10);
    text[3] = (char)('0' + seconds % 10);
    text[4] = '"';
    text[5] = (char)('0' + hundredths / 10);
    text[6] = (char)('0' + hundredths % 10);
    text[7] = 0;
    return text;
}

/* Draws one side: `lit` of its `length` pixels, from its clockwise beginning, in one colour and the others in `rest`.
 */
static void side_across(int y, int from, int length, int reversed, int lit, Pixel colour, Pixel rest) {
    lit = (int)clamp(lit, 0, length);
    int left = reversed ? length - lit : lit;
    Pixel left_colour = reversed ? rest : colour, right_colour = reversed ? colour : rest;
    if (left > 0) raster_rectangle(from, y, left, BORDER, left_colour);
    if (left < length) raster_rectangle(from + left, y, length - left, BORDER, right_colour);
}

static void side_down(int x, int reversed, int lit, Pixel colour, Pixel rest) {
    lit = (int)clamp(lit, 0, SCREEN_H);
    int upper = reversed ? SCREEN_H - lit : lit;
    uint32_t above = reversed ? rest : colour, below = reversed ? colour : rest;
    above = (above ^ below) * 65537u, below *= 65537u;
    Pixel *p = canvas + x;
#pragma GCC unroll 8
    for (int y = 0; y < SCREEN_H; y++, p += SCREEN_W)
        *(uint32_t *)(void *)p = below ^ (above & (uint32_t)((y - upper) >> 31));
}

static void border(const Game *game, fix lap_progress) {
    int laps = game->menu.value[ROW_LAPS], lap = game->laps_done < laps ? game->laps_done : laps - 1;
    int lit = game->finished ? BORDER_LENGTH : (int)((clamp(lap_progress, 0, FIX_ONE) * BORDER_LENGTH) >> 16);
    Pixel colour = lap_colours[lap + 1], rest = lap_colours[lap];
    side_across(SCREEN_H - BORDER, 0, SCREEN_W / 2, 1, lit, colour, rest); /* bottom, middle to left */
    lit -= SCREEN_W / 2;
    side_down(0, 1, lit, colour, rest); /* left, upwards */
    lit -= SCREEN_H;
    side_across(0, 0, SCREEN_W, 0, lit, colour, rest); /* top */
    lit -= SCREEN_W;
    side_down(SCREEN_W - BORDER, 0, lit, colour, rest); /* right, downwards */
    lit -= SCREEN_H;
    side_across(SCREEN_H - BORDER, SCREEN_W / 2, SCREEN_W / 2, 1, lit, colour, rest); /* bottom, right to middle */
}

static void number(char *text, int32_t n) { /* right-aligned in three characters */
    text[0] = n >= 100 ? (char)('0' + n / 100) : ' ';
    text[1] = n >= 10 ? (char)('0' + n / 10 % 10) : ' ';
    text[2] = (char)('0' + n % 10);
}

/* The cached outline of a course: pixels as offsets into the canvas. Their number is a multiple of four. */
static struct {
    uint32_t serial; /* the course's */
    int size, count;
    int32_t low_x, high_z, span; /* span: s16.16 metres a pixel */
    uint16_t at[COURSE_MAX_SAMPLES + 3];
} outline;

static void make_outline(const Course *course, int size) {
    int32_t low_x = FIX(1000), high_x = -FIX(1000), low_z = FIX(1000), high_z = -FIX(1000);
    int n = course->count;
    for (int i = 0; i < n; i++) {
        const Sample *s = &course->samples[i];
        if (s->x < low_x) low_x = s->x;
        if (s->x > high_x) high_x = s->x;
        if (s->z < low_z) low_z = s->z;
        if (s->z > high_z) high_z = s->z;
    }
    int32_t span = (high_x - low_x > high_z - low_z ? high_x - low_x : high_z - low_z) / (size - 2) + 1;
    for (int i = 0; i < n; i++) {
        const Sample *s = &course->samples[i];
        outline.at[i] = (uint16_t)((high_z - s->z) / span * SCREEN_W + (s->x - low_x) / span);
    }
    for (; n & 3; n++) outline.at[n] = outline.at[n - 1];
    outline.serial = course->serial, outline.size = size, outline.count = n;
    outline.low_x = low_x, outline.high_z = high_z, outline.span = span;
}

static void map(const Course *course, int x, int y, int size, Pixel colour) {
    if (outline.serial != course->serial || outline.size != size) make_outline(course, size);
    Pixel *p = canvas + y * SCREEN_W + x;
#pragma GCC unroll 4
    for (int i = 0; i < outline.count; i++) p[outline.at[i]] = p[outline.at[i] + 1] = colour;
}

/* Draws a place on the last drawn map, as a square of `wide` pixels. */
static void map_dot(fix at_x, fix at_z, int x, int y, int size, int wide, Pixel colour) {
    int32_t kx = x + clamp((at_x - outline.low_x) / outline.span, 0, size - 2);
    int32_t ky = y + clamp((outline.high_z - at_z) / outline.span, 0, size - 2);
    raster_rectangle((int)kx - 1, (int)ky - 1, wide, wide, colour);
}

const char *hud_ordinal(int32_t n) {
    static const char *const endings[4] = {"TH", "ST", "ND", "RD"};
    return endings[n < 4 ? n : 0];
}

void hud_map_panel(const Game *game, int x, int y, int size) {
    const Course *course = &game->course;
    const Sample *start = &course->samples[course->count * game->menu.value[ROW_START] / 100];
    for (int thick = 0; thick < 2; thick++) map(course, x, y + thick, size, RGB(255, 255, 255));
    map_dot(start->x, start->z, x, y, size, 4, RGB(255, 48, 48));
}

void hud_draw(const Game *game) {
    const Kart *kart = &game->kart;
    char text[12] = "LAP 1/3";
    fix progress = kart_progress(kart, &game->course);
    int laps = game->menu.value[ROW_LAPS], lap = game->laps_done < laps ? game->laps_done + 1 : laps;
    border(game, progress - game->laps_done * FIX_ONE);
    text[4] = (char)('0' + lap);
    text[6] = (char)('0' + laps);
    text_draw(text, 6, 6, RGB(255, 255, 255));
    text_draw(hud_time(text, game->race_time), 112, 6, RGB(255, 240, 128));
    int32_t speed = iabs(mul_shift(kart->speed, 216, 24));
    number(text, speed);
    text[3] = 'K', text[4] = 'M', text[5] = '/', text[6] = 'H', text[7] = 0;
    text_draw(text, 6, 106, RGB(255, 255, 255));
    if (game->karts > 1 && game->stage != STAGE_RESULTS) {
        char place[2] = {(char)('0' + game->place), 0};
        text_large(place, 14, 86, 2, RGB(255, 240, 96), RGB(255, 144, 16));
        text_draw(hud_ordinal(game->place), 24, 86, RGB(255, 224, 64));
    }
    map(&game->course, MAP_X - 4, MAP_Y, MAP_SIZE, game->course.data->theme.map);
    for (int i = game->karts - 2; i >= 0; i--)
        map_dot(game->rivals[i].kart.x, game->rivals[i].kart.z, MAP_X - 4, MAP_Y, MAP_SIZE, 2, kartmodel_colour(i));
    map_dot(kart->x, kart->z, MAP_X - 4, MAP_Y, MAP_SIZE, 3, RGB(255, 32, 32));
}
