/* Draws sprites, unscaled or scaled. */
#include "sprite.h"

#include "fixed.h"

void sprite_finish(Sprite *sprite, Pixel hole) {
    for (int y = 0; y < sprite->h; y++) {
        Pixel *row = sprite->pixels + y * sprite->w;
        int from = 0, to = sprite->w;
        while (from < to && row[from] == 0) from++;
        while (to > from && row[to - 1] == 0) to--;
        for (int x = from; x < to; x++)
            if (row[x] == 0) row[x] = hole;
        sprite->from[y] = (uint8_t)from;
        sprite->to[y] = (uint8_t)to;
    }
}

__attribute__((section(".text.hot"))) void sprite_draw(const Sprite *sprite, int32_t x, int32_t y) {
    x -= sprite->w / 2;
    y -= sprite->h;
    for (int32_t row = 0; row < sprite->h; row++) {
        int32_t line = y + row, from = x + sprite->from[row], to = x + sprite->to[row];
        if (from < 0) from = 0;
        if (to > SCREEN_W) to = SCREEN_W;
        if (line < 0 || line >= SCREEN_H || from >= to) continue;
        const Pixel *source = sprite->pixels + row * sprite->w + from - x;
        Pixel *p = canvas + line * SCREEN_W + from, *end = p + (to - from);
        for (; p + 4 <= end; p += 4, source += 4)
            p[0] = source[0], p[1] = source[1], p[2] = source[2], p[3] = source[3];
        for (; p < end; p++, source++) *p = *source;
    }
}

__attribute__((section(".text.hot"))) void sprite_draw_scaled(const Sprite *sprite, Point foot, int32_t height) {
    if (height < 16) return;
    int32_t step = (sprite->h << 20) / height,
            grow = (height << 12) / sprite->h; /* source pixels per screen pixel, and the inverse, s16.16 */
    int32_t left = (foot.x << 12) - grow * sprite->w / 2, top = foot.y - height;
    int32_t y = (top + 15) >> 4, bottom = (foot.y + 15) >> 4;
    if (y < 0) y = 0;
    if (bottom > SCREEN_H) bottom = SCREEN_H;
    int32_t v = (((y << 4) - top) * step) >> 4;
    Pixel *line = canvas + y * SCREEN_W;
    for (; y < bottom; y++, line += SCREEN_W, v += step) {
        int32_t row = v >> 16;
        if (row >= sprite->h) return;
        int32_t from = (left + sprite->from[row] * grow + 65535) >> 16,
                to = (left + sprite->to[row] * grow + 65535) >> 16;
        if (from < 0) from = 0;
        if (to > SCREEN_W) to = SCREEN_W;
        if (from >= to) continue;
        int32_t u = mul_shift((from << 16) - left, step, 16);
        const Pixel *source = sprite->pixels + row * sprite->w;
        Pixel *p = line + from, *end = line + to;
        for (; p + 4 <= end; p += 4, u += 4 * step) { /* a branch costs as much as three pixels: see raster.h */
            p[0] = source[u >> 16];
            p[1] = source[(u + step) >> 16];
            p[2] = source[(u + 2 * step) >> 16];
            p[3] = source[(u + 3 * step) >> 16];
        }
        for (; p < end; p++, u += step) *p = source[u >> 16];
    }
}
