/* The panorama is painted once, four times over, each copy one pixel further left: wherever the view begins, one of the
 * four has it at an address divisible by eight, so rows are copied four pixels at a time.
 */
#include "sky.h"

#define TURN 640 /* pixels in a full turn; 2 pi FOCAL = 603 would match the ground exactly */
#define WIDE (TURN + SCREEN_W + 8)
#define HIGH 48 /* rows, the last one at the horizon */

static Pixel panorama[4][HIGH][WIDE] __attribute__((aligned(64)));

static Pixel blend(Pixel a, Pixel b, int32_t part, int32_t whole) {
    int32_t red = (a >> 11) + ((b >> 11) - (a >> 11)) * part / whole;
    int32_t green = (a >> 6 & 31) + ((b >> 6 & 31) - (a >> 6 & 31)) * part / whole;
    int32_t blue = (a >> 1 & 31) + ((b >> 1 & 31) - (a >> 1 & 31)) * part / whole;
    return (Pixel)(red << 11 | green << 6 | blue << 1 | 1);
}

static void gradient(const Theme *theme) {
    for (int32_t y = 0; y < HIGH; y++)
        for (int32_t x = 0; x < TURN; x++) {
            int32_t part = y * 4 + ((x ^ y) & 1) * 2; /* a little dither hides the 5-bit steps */
            panorama[0][y][x] = blend(theme->sky_high, theme->sky_low, part > HIGH * 4 ? HIGH * 4 : part, HIGH * 4);
        }
}

static void puff(int32_t cx, int32_t cy, int32_t rx, int32_t ry, Pixel light, Pixel shade) {
    for (int32_t y = -ry; y <= ry; y++)
        for (int32_t x = -rx; x <= rx; x++) {
            int32_t row = cy + y, column = (cx + x + TURN) % TURN;
            if (row < 0 || row >= HIGH || x * x * ry * ry + y * y * rx * rx > rx * rx * ry * ry) continue;
            panorama[0][row][column] = y * 2 > ry ? shade : light;
        }
}

static void clouds(const Theme *theme) {
    uint32_t state = theme->seed;
    for (int32_t i = 0; i < 11; i++) {
        int32_t x = i * TURN / 11 + next_random(&state) % 30, y = 7 + next_random(&state) % 16,
                size = 4 + next_random(&state) % 4;
        for (int32_t part = -2; part <= 2; part++) {
            int32_t tall = size - iabs(part) - (next_random(&state) & 1);
            if (tall > 1) puff(x + part * size, y + iabs(part) / 2, size + 2, tall, theme->cloud, theme->cloud_shade);
        }
    }
}

/* A ridge: three waves that fit the turn a whole number of times. */
static int32_t ridge(int32_t x, int32_t a, int32_t b, int32_t c, int32_t scale) {
    uint32_t angle = (uint32_t)(x * 65536 / TURN);
    return ((sine(angle * (uint32_t)a) * 3 + sine(angle * (uint32_t)b + 9000) * 2 + sine(angle * (uint32_t)c + 30000)) *
            scale) >>
           14;
}

static void hills(const Theme *theme) {
    Pixel far_light = blend(theme->hill_far, theme->cloud, 1, 3),
          near_dark = blend(theme->hill_near, theme->grass[1], 1, 2);
    for (int32_t x = 0; x < TURN; x++) {
        int32_t far = 13 + ridge(x, 5, 11, 23, 3) / 2, near = 6 + ridge(x, 4, 9, 29, 1) / 2;
        int32_t slope = ridge(x + 2, 5, 11, 23, 3) - ridge(x - 2, 5, 11, 23, 3);
        for (int32_t up = 0; up < far; up++)
            panorama[0][HIGH - 1 - up][x] = slope < 0 && up > far - 6 ? far_light : theme->hill_far;
        for (int32_t up = 0; up < near; up++) panorama[0][HIGH - 1 - up][x] = up < 2 ? near_dark : theme->hill_near;
    }
}

void sky_build(const Theme *theme) {
    gradient(theme);
    clouds(theme);
    hills(theme);
    for (int32_t y = 0; y < HIGH; y++) {
        for (int32_t x = TURN; x < WIDE; x++) panorama[0][y][x] = panorama[0][y][x - TURN];
        for (int32_t shift = 1; shift < 4; shift++)
            for (int32_t x = 0; x < WIDE - shift; x++) panorama[shift][y][x] = panorama[0][y][x + shift];
    }
}

__attribute__((section(".text.hot.sky"))) void sky_draw(const Camera *camera) {
    int32_t left = (int32_t)(((camera->heading >> 16) * TURN) >> 16), rows = camera->horizon;
    const Pixel *from = &panorama[left & 3][HIGH - rows][left & ~3];
    Pixel *to = canvas;
    for (int32_t y = 0; y < rows; y++, from += WIDE, to += SCREEN_W) row_copy(to, from);
}
