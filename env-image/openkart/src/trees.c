/* A fir and a broad-leaved tree, painted by rule: light from the left, a little noise for leaves. */
#include "trees.h"

#include "fixed.h"

#define W 32
#define H 48

Sprite tree_sprites[TREE_KINDS];

static Pixel pixels[TREE_KINDS][W * H];

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

static void fir(Pixel *p) {
    uint32_t state = 7;
    trunk(p, 40, 2);
    for (int32_t y = 0; y < 43; y++) {
        int32_t tier = y % 14, half = y / 14 * 2 + 1 + tier * (10 + y / 14) / 13; /* three skirts, each wider */
        if (half > 15) half = 15;
        for (int32_t x = -half; x <= half; x++) {
            int32_t light = 62 - x * 26 / (half + 1) + tier - (next_random(&state) & 15) + (tier == 13 ? -20 : 0);
            p[y * W + W / 2 + x] = shade(40, 112, 60, light);
        }
    }
}

static void broad(Pixel *p) {
    static const int8_t blobs[][3] = {
        {16, 13, 12}, {9, 20, 9}, {23, 20, 9}, {16, 24, 11}, {12, 11, 8}}; /* x, y, radius */
    uint32_t state = 11;
    trunk(p, 30, 2);
    for (unsigned i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
        int32_t r = blobs[i][2];
        for (int32_t y = -r; y <= r; y++)
            for (int32_t x = -r; x <= r; x++) {
                int32_t px = blobs[i][0] + x, py = blobs[i][1] + y;
                if (x * x + y * y > r * r - r || px < 0 || px >= W || py < 0) continue;
                p[py * W + px] = shade(88, 152, 48, 66 - (x + y) * 24 / r - (next_random(&state) & 15));
            }
    }
}

void trees_bake(void) {
    fir(pixels[0]);
    broad(pixels[1]);
    for (int i = 0; i < TREE_KINDS; i++) {
        tree_sprites[i].w = W;
        tree_sprites[i].h = H;
        tree_sprites[i].pixels = pixels[i];
        sprite_finish(&tree_sprites[i], RGB(32, 80, 32));
    }
}
