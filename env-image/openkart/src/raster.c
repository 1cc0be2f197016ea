/* Frame buffers and the convex polygon filler, the game's innermost loop. */
#include "raster.h"

#include "fixed.h"

static Pixel frames[3][SCREEN_W * SCREEN_H] __attribute__((aligned(64)));
static int drawn, shown = 1; /* frame 1 is black at first; frame 0 is scratch while the tables are made */

Pixel *canvas = frames[0];

void raster_begin(void) {
    drawn = shown == 2 ? 0 : shown + 1;
    canvas = frames[drawn];
}

void raster_finish(void) { shown = drawn; }

const Pixel *raster_shown(void) { return frames[shown]; }

const Pixel raster_head_mask[4][4] __attribute__((aligned(8))) = {
    {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, {0, 0xFFFF, 0xFFFF, 0xFFFF}, {0, 0, 0xFFFF, 0xFFFF}, {0, 0, 0, 0xFFFF}};
const Pixel raster_tail_mask[4][4] __attribute__((aligned(8))) = {
    {0xFFFF, 0, 0, 0}, {0xFFFF, 0xFFFF, 0, 0}, {0xFFFF, 0xFFFF, 0xFFFF, 0}, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}};

Polygon raster_list[RASTER_LIST];
int32_t raster_waiting;

/* Branches cost more than arithmetic here: see raster.h. */
static inline int32_t at_least_0(int32_t x) { return x & ~(x >> 31); }
static inline int32_t at_most(int32_t x, int32_t limit) { return limit + ((x - limit) & ((x - limit) >> 31)); }

static inline int32_t row_of(int32_t y) { return (y + 15) >> 4; } /* first pixel row at or below y */

/* The loop walks down both sides from the topmost corner. Row y belongs to an edge from a to b if row_of(a.y) <= y <
 * row_of(b.y). The filled pixels begin at the left x rounded up and end before the right x rounded up. So two polygons
 * that share an edge compute the same x for it and meet exactly. */
static inline __attribute__((always_inline)) void fill(const Point *points, int32_t n, uint32_t pair) {
    int32_t top = 0, high = points[0].y, low = high;
    for (int32_t i = 1; i < n; i++) {
        int32_t y = points[i].y, above = (y - high) >> 31; /* all ones if y < high */
        high += (y - high) & above;
        top += (i - top) & above;
        low -= (low - y) & ((low - y) >> 31);
    }
    int32_t y = row_of(high), bottom = at_most(row_of(low), SCREEN_H);
    if (y >= bottom || bottom <= 0) return;

    int32_t a = top, b = top, last = n - 1; /* the corners where the two current edges end */
    int32_t a_end = y, b_end = y;           /* the rows where they end */
    int32_t ax = 0, bx = 0, as = 0, bs = 0; /* x and its step by row, s16.16 */
    Pixel *row = canvas + at_least_0(y) * SCREEN_W;
    for (;;) {
        while (y >= a_end) {
            const Point *from = &points[a], *to = &points[a = a == 0 ? last : a - 1];
            a_end = row_of(to->y);
            if (a_end > y) {
                as = ((to->x - from->x) << 12) / (to->y - from->y);
                ax = (from->x << 12) + as * ((y << 4) - from->y) + 65535;
                as <<= 4;
            }
        }
        while (y >= b_end) {
            const Point *from = &points[b], *to = &points[b = b == last ? 0 : b + 1];
            b_end = row_of(to->y);
            if (b_end > y) {
                bs = ((to->x - from->x) << 12) / (to->y - from->y);
                bx = (from->x << 12) + bs * ((y << 4) - from->y) + 65535;
                bs <<= 4;
            }
        }
        int32_t end = at_most(at_most(a_end, b_end), bottom);
        if (y < 0) { /* skip the rows above the canvas */
            int32_t skip = at_most(end, 0) - y;
            y += skip, ax += as * skip, bx += bs * skip;
        }
        for (; y < end; y++, row += SCREEN_W, ax += as, bx += bs) {
            int32_t left = ax >> 16, right = bx >> 16, swap = (right - left) & ((right - left) >> 31);
            left = at_least_0(left + swap);
            right = at_most(right - swap, SCREEN_W);
            if (left < right) span_fill(row, left, right, pair);
        }
        if (y >= bottom) return;
    }
}

__attribute__((section(".text.hot.raster"), aligned(4096))) void raster_flush(void) {
    const Polygon *polygon = raster_list, *end = raster_list + raster_waiting;
    raster_waiting = 0;
    for (; polygon < end; polygon++) fill(polygon->corner, polygon->n, polygon->pair);
}

void raster_rectangle(int x, int y, int w, int h, Pixel colour) {
    Pixel *row = canvas + y * SCREEN_W;
    for (; h > 0; h--, row += SCREEN_W) span_fill(row, x, x + w, colour * 65537u);
}

void raster_shade(int x, int y, int w, int h) {
    Pixel *row = canvas + y * SCREEN_W + x;
    for (; h > 0; h--, row += SCREEN_W)
        for (int i = 0; i < w; i++) row[i] = (Pixel)(((row[i] >> 1) & 0x7BDE) | 1);
}
