/* The panorama is kept in four copies, each one pixel further left than the one before. For every beginning of the
 * view, one copy has it at an address divisible by eight, so that rows are copied four pixels at a time.
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
            int32_t part = y * 4 + ((x ^ y) & 1) * 2; /* dither hides the 5-bit steps */
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

/* The height of a ridge: three waves, each with a whole number of periods per turn. */
static int32_t ridge(int32_t x, int32_t a, int32_t b, int32_t c, int32_t scale) {
    uint32_t angle = (uint32_t)(x * 65536 / TURN);
    return ((sine(angle * (uint32_t)a) * 3 + sine(angle * (uint32_t)b + 9000) * 2 + sine(angle * (uint32_t)c + 30000)) *
            scale) >>
           14;
}

static void pillar(int32_t x, int32_t from, int32_t to, Pixel colour) { /* rows counted upwards from the horizon */
    for (int32_t up = from; up < to; up++) panorama[0][HIGH - 1 - up][x] = colour;
}

static void hills(const Theme *theme) {
    Pixel far_light = blend(theme->hill_far, theme->cloud, 1, 3),
          near_dark = blend(theme->hill_near, theme->ground[1], 1, 2);
    for (int32_t x = 0; x < TURN; x++) {
        int32_t far = 13 + ridge(x, 5, 11, 23, 3) / 2, near = 6 + ridge(x, 4, 9, 29, 1) / 2;
        int32_t slope = ridge(x + 2, 5, 11, 23, 3) - ridge(x - 2, 5, 11, 23, 3);
        for (int32_t up = 0; up < far; up++)
            panorama[0][HIGH - 1 - up][x] = slope < 0 && up > far - 6 ? far_light : theme->hill_far;
        for (int32_t up = 0; up < near; up++) panorama[0][HIGH - 1 - up][x] = up < 2 ? near_dark : theme->hill_near;
    }
}

/* Layered table mountains of different heights on sloping scree, lit from the left, with dunes in front. */
static void mesas(const Theme *theme) {
    Pixel light = blend(theme->hill_far, theme->cloud, 1, 3), band = blend(theme->hill_far, theme->hill_near, 1, 2),
          scree = blend(theme->hill_far, theme->hill_near, 2, 3),
          dune = blend(theme->hill_near, theme->ground[1], 1, 2);
    uint32_t state = theme->seed;
    for (int32_t i = 0; i < 9; i++) {
        int32_t left = i * TURN / 9 + next_random(&state) % 40, wide = 8 + next_random(&state) % 44,
                high = 11 + next_random(&state) % 14, foot = high / 2;
        for (int32_t x = -foot; x < wide + foot; x++) {
            int32_t outside = x < 0 ? -x : x >= wide ? x - wide + 1 : 0, column = (left + x + TURN) % TURN;
            pillar(column, 0, foot + 2 - outside, scree);
            for (int32_t up = foot; !outside && up < high - (x == 0 || x == wide - 1); up++)
                pillar(column, up, up + 1, x < 3 + (up & 1) ? light : up % 5 == 3 ? band : theme->hill_far);
        }
    }
    for (int32_t x = 0; x < TURN; x++) {
        int32_t near = 5 + ridge(x, 4, 9, 15, 1) / 2;
        pillar(x, 0, near, theme->hill_near);
        pillar(x, 0, near / 2, dune);
    }
}

/* Snowy summits: a zigzag of triangles of two heights with white caps, the right sides in shadow, and firs below. */
static void peaks(const Theme *theme) {
    Pixel shadow = blend(theme->hill_far, theme->sky_high, 1, 2);
    for (int32_t x = 0; x < TURN; x++) {
        int32_t far = 0, is_right = 0;
        for (int32_t i = 0; i < 3; i++) { /* three rows of summits, 80 pixels apart, shifted and of different heights */
            int32_t at = (x + i * 29) % 80 - 40, height = 19 + i * 6 + ((x + i * 29) / 80 * 7 & 3) * 2 - iabs(at);
            height += ridge(x, 17, 41, 67, 1) / 3;
            if (height > far) far = height, is_right = at > ridge(x, 13, 31, 59, 1);
        }
        int32_t snow = far - 9 - ridge(x, 23, 47, 71, 2) / 2, near = 4 + ridge(x, 40, 64, 80, 1) / 2;
        pillar(x, 0, far, is_right ? shadow : theme->hill_far);
        if (snow < far && far > 9)
            pillar(x, snow > 0 ? snow : 0, far, is_right ? blend(theme->cloud, shadow, 1, 2) : theme->cloud);
        pillar(x, 0, near, theme->hill_near);
    }
}

/* A town at night: a row of houses of random height, with some lit windows. */
static void skyline(const Theme *theme) {
    uint32_t state = theme->seed;
    for (int32_t row = 0; row < 2; row++)
        for (int32_t x = 0; x < TURN;) {
            int32_t wide = 7 + next_random(&state) % 12, high = (row ? 4 : 9) + next_random(&state) % (row ? 8 : 16);
            Pixel front = row ? theme->hill_near : theme->hill_far;
            for (int32_t i = 0; i < wide && x < TURN; i++, x++) {
                pillar(x, 0, high, front);
                for (int32_t up = 2; i % 3 == 1 && up < high - 1; up += 3)
                    if ((next_random(&state) & 7) < 3)
                        pillar(x, up, up + 1, up & 1 ? theme->cloud : theme->cloud_shade);
            }
        }
}

static void stars(const Theme *theme) {
    uint32_t state = theme->seed;
    for (int32_t i = 0; i < 160; i++) {
        int32_t x = next_random(&state) % TURN, y = next_random(&state) % 36;
        panorama[0][y][x] = blend(theme->sky_high, theme->cloud, 1 + (next_random(&state) & 3), 4);
    }
    puff(TURN / 6, 10, 6, 6, theme->cloud, theme->cloud);
    puff(TURN / 6 + 3, 9, 5, 5, theme->sky_high, theme->sky_high); /* this disc makes the moon a crescent */
}

void sky_build(const Theme *theme) {
    gradient(theme);
    if (theme->landscape == LANDSCAPE_SKYLINE)
        stars(theme);
    else
        clouds(theme);
    switch (theme->landscape) {
        case LANDSCAPE_MESAS:
            mesas(theme);
            break;
        case LANDSCAPE_SKYLINE:
            skyline(theme);
            break;
        case LANDSCAPE_PEAKS:
            peaks(theme);
            break;
        default:
            hills(theme);
            break;
    }
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
