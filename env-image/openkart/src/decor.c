/* Trees, cacti, rocks, lamps, houses, snowmen: light from the left, a little noise for leaves and stone. */
#include "decor.h"

#include "fixed.h"

#define W 32
#define H 48

const DecorSize decor_sizes[DECOR_KINDS] = {
    [DECOR_FIR] = {45, 31, 2, 16, 1},       [DECOR_BROAD_LEAVED] = {45, 31, 2, 16, 1},
    [DECOR_CACTUS] = {38, 15, 2, 10, 1},    [DECOR_ROCK] = {30, 31, 4, 16, 3},
    [DECOR_LAMP] = {64, 0, 1, 0, 1},        [DECOR_BUILDING] = {96, 63, 6, 6, 6},
    [DECOR_SNOWY_FIR] = {45, 31, 2, 16, 1}, [DECOR_SNOWMAN] = {20, 7, 2, 4, 1},
};

Sprite decor_sprites[DECOR_KINDS];

static Pixel pixels[DECOR_KINDS][W * H];

static Pixel shade(int32_t red, int32_t green, int32_t blue, int32_t light) {
    red = clamp(red * light / 64, 0, 255);
    green = clamp(green * light / 64, 0, 255);
    blue = clamp(blue * light / 64, 0, 255);
    return RGB(red, green, blue);
}

static void trunk(Pixel *p, int32_t from, int32_t half) {
    for (int32_t y = from; y < H; y++)
        for (int32_t x = -half; x <= half; x++) p[y * W + W / 2 + x] = shade(112, 72, 40, 64 - x * 20 / half);
}

static void fir(Pixel *p, int is_snowy) {
    uint32_t state = 7;
    trunk(p, 40, 2);
    for (int32_t y = 0; y < 43; y++) {
        int32_t tier = y % 14, half = y / 14 * 2 + 1 + tier * (10 + y / 14) / 13; /* three tiers, each wider */
        if (half > 15) half = 15;
        for (int32_t x = -half; x <= half; x++) {
            int32_t noise = next_random(&state) & 15;
            int32_t light = 62 - x * 26 / (half + 1) + tier - noise + (tier == 13 ? -20 : 0);
            p[y * W + W / 2 + x] = is_snowy && tier * 16 < 112 + noise * 4 - iabs(x) * 4
                                       ? shade(228, 240, 255, clamp(light + 12, 40, 68))
                                       : shade(40, 112, is_snowy ? 88 : 60, light);
        }
    }
}

/* A ball of radius r around (cx, cy), cut off at the picture's edges. */
static void ball(Pixel *p, uint32_t *state, const int8_t *at, int32_t red, int32_t green, int32_t blue, int32_t noise) {
    int32_t r = at[2];
    for (int32_t y = -r; y <= r; y++)
        for (int32_t x = -r; x <= r; x++) {
            int32_t px = at[0] + x, py = at[1] + y;
            if (x * x + y * y > r * r - r || px < 0 || px >= W || py < 0 || py >= H) continue;
            p[py * W + px] = shade(red, green, blue, 66 - (x + y) * 24 / r - (next_random(state) & noise));
        }
}

static void broad(Pixel *p) {
    static const int8_t blobs[][3] = {
        {16, 13, 12}, {9, 20, 9}, {23, 20, 9}, {16, 24, 11}, {12, 11, 8}}; /* x, y, radius */
    uint32_t state = 11;
    trunk(p, 30, 2);
    for (unsigned i = 0; i < sizeof blobs / sizeof blobs[0]; i++) ball(p, &state, blobs[i], 88, 152, 48, 15);
}

/* An upright column with a rounded top and dark ribs. */
static void column(Pixel *p, int32_t middle, int32_t from, int32_t to, int32_t half) {
    for (int32_t y = from; y < to; y++)
        for (int32_t x = -half; x <= half; x++) {
            if (y - from < iabs(x) - half / 2) continue;
            p[y * W + middle + x] = shade(64, 152, 72, 70 - x * 26 / half - ((x + half) % 3 == 2 ? 16 : 0));
        }
}

static void cactus(Pixel *p) {
    column(p, 16, 1, H, 4);
    column(p, 8, 14, 32, 3);
    column(p, 24, 8, 26, 3);
    for (int32_t y = 0; y < 6; y++)
        for (int32_t x = 6; x < 26; x++) {
            if (x < 16) p[(28 + y) * W + x] = shade(64, 152, 72, 66 - y * 7);
            if (x >= 16) p[(22 + y) * W + x] = shade(64, 152, 72, 60 - y * 7);
        }
}

/* A weathered block of layered sandstone, lit from the left. */
static void rock(Pixel *p) {
    uint32_t state = 5;
    int32_t left = 9, right = 22;
    for (int32_t y = 4; y < H; y++) {
        int32_t roll = next_random(&state);
        if (y % 7 == 0 || y > 40) left -= roll & 1, right += roll >> 1 & 1;
        left = clamp(left, 0, 12), right = clamp(right, 19, W - 1);
        for (int32_t x = left; x <= right; x++) {
            int32_t light = (x < left + 8 ? 70 : 50) - (y % 9 < 2 ? 10 : 0) - (next_random(&state) & 7);
            p[y * W + x] = y < 7 ? shade(232, 156, 96, 70) : shade(204, 112, 64, light);
        }
    }
}

static void lamp(Pixel *p) {
    for (int32_t y = 3; y < H; y++)
        for (int32_t x = 15; x <= (y > 43 ? 18 : 16); x++) p[y * W + x] = RGB(120, 128, 152);
    for (int32_t y = 0; y < 6; y++)
        for (int32_t x = 9 - y / 2; x <= 22 + y / 2; x++)
            p[y * W + x] = y < 2 ? RGB(96, 104, 128) : y == 2 ? RGB(255, 224, 136) : shade(255, 248, 200, 72 - y * 3);
}

/* A house front with lit windows, a shaded side and a rim of light along the roof. */
static void building(Pixel *p) {
    uint32_t state = 77;
    for (int32_t y = 0; y < H; y++)
        for (int32_t x = 2; x < 30; x++) {
            int32_t is_side = x >= 23;
            p[y * W + x] = y < 2 ? RGB(120, 96, 176) : is_side ? RGB(32, 28, 60) : RGB(52, 48, 92);
        }
    for (int32_t y = 4; y < H - 4; y += 5)
        for (int32_t x = 4; x < 28; x += 4) {
            int32_t roll = next_random(&state) & 7, is_side = x >= 22;
            Pixel light = roll < 3   ? RGB(255, 216, 104)
                          : roll < 4 ? RGB(136, 224, 255)
                                     : (is_side ? RGB(24, 20, 48) : RGB(36, 32, 68));
            for (int32_t j = 0; j < 3; j++)
                for (int32_t i = 0; i < 2; i++) p[(y + j) * W + x + i + (is_side ? 1 : 0)] = light;
        }
}

static void snowman(Pixel *p) {
    static const int8_t balls[][3] = {{16, 36, 12}, {16, 20, 9}, {16, 9, 7}};
    uint32_t state = 3;
    for (int i = 0; i < 3; i++) ball(p, &state, balls[i], 240, 246, 255, 3);
    for (int32_t y = 0; y < 6; y++)
        for (int32_t x = y < 4 ? 12 : 9; x <= (y < 4 ? 20 : 23); x++) p[y * W + x] = RGB(40, 36, 56);
    for (int32_t y = 14; y < 17; y++)
        for (int32_t x = 9; x < 24; x++) p[y * W + x] = RGB(224, 40, 48);
    p[9 * W + 13] = p[9 * W + 19] = RGB(24, 24, 32);
    for (int32_t x = 16; x < 21; x++) p[11 * W + x] = RGB(255, 144, 40);
}

void decor_bake(void) {
    static const Pixel holes[DECOR_KINDS] = {
        [DECOR_FIR] = RGB(32, 80, 32),       [DECOR_BROAD_LEAVED] = RGB(32, 80, 32), [DECOR_CACTUS] = RGB(40, 88, 48),
        [DECOR_ROCK] = RGB(128, 72, 48),     [DECOR_LAMP] = RGB(96, 104, 128),       [DECOR_BUILDING] = RGB(36, 32, 68),
        [DECOR_SNOWY_FIR] = RGB(32, 80, 72), [DECOR_SNOWMAN] = RGB(200, 208, 224),
    };
    fir(pixels[DECOR_FIR], 0);
    broad(pixels[DECOR_BROAD_LEAVED]);
    cactus(pixels[DECOR_CACTUS]);
    rock(pixels[DECOR_ROCK]);
    lamp(pixels[DECOR_LAMP]);
    building(pixels[DECOR_BUILDING]);
    fir(pixels[DECOR_SNOWY_FIR], 1);
    snowman(pixels[DECOR_SNOWMAN]);
    for (int i = 0; i < DECOR_KINDS; i++) {
        decor_sprites[i].w = W;
        decor_sprites[i].h = H;
        decor_sprites[i].pixels = pixels[i];
        sprite_finish(&decor_sprites[i], holes[i]);
    }
}
