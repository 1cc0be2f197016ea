/* Frame buffers and the convex polygon filler, the game's innermost loop. */
#include "raster.h"

#include "fixed.h"

static Pixel frames[3][SCREEN_W * SCREEN_H] __attribute__((aligned(64)));
static int drawn, shown;

Pixel *canvas = frames[0];

void raster_begin(void) {
    drawn = shown == 2 ? 0 : shown + 1;
    canvas = frames[drawn];
}

void raster_finish(void) { shown = drawn; }

const Pixel *raster_shown(void) { return frames[shown]; }

static inline int32_t row_of(int32_t y) { return (y + 15) >> 4; } /* first pixel row at or below y */

/* Both sides are walked downwards from the topmost corner. Row y belongs to an edge from a to b if row_of(a.y) <= y <
 * row_of(b.y), and pixels from the left x rounded up to below the right x rounded up are filled: so two polygons with an
 * edge in common compute the same x for it and meet exactly. */
__attribute__((section(".text.hot"))) void raster_polygon(const Point *points, int n, Pixel colour) {
    int top = 0;
    int32_t high = points[0].y, low = high;
    for (int i = 1; i < n; i++) {
        int32_t y = points[i].y;
        if (y < high) high = y, top = i;
        if (y > low) low = y;
    }
    int32_t y = row_of(high), bottom = row_of(low);
    if (bottom > SCREEN_H) bottom = SCREEN_H;
    if (y >= bottom || bottom <= 0) return;

    int a = top, b = top;                   /* the corners where the two current edges end */
    int32_t a_end = y, b_end = y;           /* the rows where they end */
    int32_t ax = 0, bx = 0, as = 0, bs = 0; /* x and its step by row, s16.16 */
    Pixel *row = canvas + (y < 0 ? 0 : y * SCREEN_W);
    for (;;) {
        while (y >= a_end) {
            const Point *from = &points[a], *to = &points[a = a == 0 ? n - 1 : a - 1];
            a_end = row_of(to->y);
            if (a_end > y) {
                as = ((to->x - from->x) << 12) / (to->y - from->y);
                ax = (from->x << 12) + ((as * ((y << 4) - from->y))) + 65535;
                as <<= 4;
            }
        }
        while (y >= b_end) {
            const Point *from = &points[b], *to = &points[b = b == n - 1 ? 0 : b + 1];
            b_end = row_of(to->y);
            if (b_end > y) {
                bs = ((to->x - from->x) << 12) / (to->y - from->y);
                bx = (from->x << 12) + ((bs * ((y << 4) - from->y))) + 65535;
                bs <<= 4;
            }
        }
        int32_t end = a_end < b_end ? a_end : b_end;
        if (end > bottom) end = bottom;
        if (y < 0) { /* skip what lies above the canvas */
            int32_t skip = (end < 0 ? end : 0) - y;
            y += skip, ax += as * skip, bx += bs * skip;
        }
        for (; y < end; y++, row += SCREEN_W, ax += as, bx += bs) {
            int32_t left = ax >> 16, right = bx >> 16;
            if (left > right) {
                int32_t swap = left;
                left = right, right = swap;
            }
            if (left < 0) left = 0;
            if (right > SCREEN_W) right = SCREEN_W;
            if (left < right) span_fill(row + left, right - left, colour);
        }
        if (y >= bottom) return;
    }
}

void raster_rectangle(int x, int y, int w, int h, Pixel colour) {
    Pixel *row = canvas + y * SCREEN_W + x;
    for (; h > 0; h--, row += SCREEN_W) span_fill(row, w, colour);
}

void raster_shade(int x, int y, int w, int h) {
    Pixel *row = canvas + y * SCREEN_W + x;
    for (; h > 0; h--, row += SCREEN_W)
        for (int i = 0; i < w; i++) row[i] = (Pixel)(((row[i] >> 1) & 0x7BDE) | 1);
}
