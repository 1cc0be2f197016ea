/* The picture: three frame buffers of 160x120 RGBA5551, flat spans and convex polygons. */
#ifndef OPENKART_RASTER_H
#define OPENKART_RASTER_H

#include <stdint.h>

#define SCREEN_W 160
#define SCREEN_H 120

typedef uint16_t
    Pixel; /* RRRRRGGG GGBBBBBA in the machine's own byte order; A = 1, and 0 means "transparent" in sprites */

/* A colour from 8-bit components. */
#define RGB(r, g, b) ((Pixel)((((r) >> 3) << 11) | (((g) >> 3) << 6) | (((b) >> 3) << 1) | 1))

typedef struct {
    int32_t x, y; /* screen position, s28.4; pixel (i, j) has its centre at integer (i, j) */
} Point;

extern Pixel *canvas; /* the buffer being drawn, SCREEN_W * SCREEN_H */

/* Take the next of the three buffers as the canvas. It is neither the shown buffer nor the one shown before. */
void raster_begin(void);

/* The canvas is complete: show it from the next VI on. */
void raster_finish(void);

/* The buffer that is shown. */
const Pixel *raster_shown(void);

#define POLYGON_CORNERS 6

typedef struct {
    int32_t n;     /* corners, 3..POLYGON_CORNERS */
    uint32_t pair; /* the colour twice */
    Point corner[POLYGON_CORNERS];
} Polygon;

#define RASTER_LIST 256

/* The polygons that wait to be drawn. They are convex, have any orientation, and are clipped to the canvas. Neighbours
 * that share an edge leave no gap. */
extern Polygon raster_list[RASTER_LIST];
extern int32_t raster_waiting;

/* Draw the waiting polygons, in order. */
void raster_flush(void);

/* Append a polygon; the caller fills in its corners. */
static inline Point *raster_polygon(int32_t n, Pixel colour) {
    if (raster_waiting == RASTER_LIST) raster_flush();
    Polygon *polygon = &raster_list[raster_waiting++];
    polygon->n = n;
    polygon->pair = colour * 65537u;
    return polygon->corner;
}

/* Fill a rectangle; it must lie inside the canvas. */
void raster_rectangle(int x, int y, int w, int h, Pixel colour);

/* Darken a rectangle to half brightness (for panels behind text); it must lie inside the canvas. */
void raster_shade(int x, int y, int w, int h);

/* The cost of instructions in the emulator's recompiler (measured, nanoseconds): an addition 0.4, a load 0.8, a store
 * of any width 1.2, a branch 6.5 whether taken or not, a computed jump 9.5, a call into another 4 KiB page and back 59.
 * So this code uses the widest stores, few branches, unrolled loops, hot code in one page, and lists instead of calls.
 * C for o32 has no 64-bit registers but the VR4300 does, so the two loops that write most pixels are in assembler.
 */

/* Masks of the pixels of a group of four: from the i-th pixel to the end, and from the beginning to the i-th pixel. */
extern const Pixel raster_head_mask[4][4], raster_tail_mask[4][4];

/* Fill pixels [from, to) of a row, from < to; row is 8-aligned. `pair` is the colour twice. */
static inline void span_fill(Pixel *row, int32_t from, int32_t to, uint32_t pair) {
    int32_t last = to - 1, groups = (last >> 2) - (from >> 2);
    Pixel *p = row + (from & ~3);
#ifdef __mips__
    /* The first and the last group are old ^ ((old ^ colour) & mask). For the groups between them, the code jumps into
     * a sequence of stores, which begins with the last group. */
    __asm__ volatile(
        ".set push\n .set noreorder\n .set noat\n .set mips3\n"
        "dsll32 $1, %2, 0\n dsrl32 $8, $1, 0\n or $1, $1, $8\n"
        "ld $8, 0(%3)\n ld $9, 0(%4)\n ld $10, 0(%0)\n"
        "bnez %1, 1f\n xor $11, $10, $1\n"
        "and $8, $8, $9\n and $11, $11, $8\n xor $10, $10, $11\n"
        "b 3f\n sd $10, 0(%0)\n"
        "1: and $11, $11, $8\n xor $10, $10, $11\n sd $10, 0(%0)\n"
        "sll $8, %1, 3\n addu $8, $8, %0\n"
        "ld $10, 0($8)\n xor $11, $10, $1\n and $11, $11, $9\n xor $10, $10, $11\n sd $10, 0($8)\n"
        "lui $8, %%hi(2f + 4)\n addiu $8, $8, %%lo(2f + 4)\n sll $9, %1, 2\n subu $8, $8, $9\n jr $8\n nop\n"
        ".irp k,39,38,37,36,35,34,33,32,31,30,29,28,27,26,25,24,23,22,21,20,19,18,17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1\n"
        "sd $1, 8*\\k(%0)\n .endr\n"
        "2:\n 3:\n .set pop"
        :
        : "r"(p), "r"(groups), "r"(pair), "r"(raster_head_mask[from & 3]), "r"(raster_tail_mask[last & 3])
        : "$1", "$8", "$9", "$10", "$11", "memory");
#else
    (void)p, (void)groups;
    for (int32_t x = from; x <= last; x++) row[x] = (Pixel)pair;
#endif
}

/* Copy a whole row; both 8-aligned. */
static inline void row_copy(Pixel *to, const Pixel *from) {
#ifdef __mips__
    __asm__ volatile(
        ".set push\n .set noreorder\n .set noat\n .set mips3\n"
        ".irp k,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39\n"
        "ld $1, 8*\\k(%1)\n sd $1, 8*\\k(%0)\n .endr\n"
        ".set pop"
        :
        : "r"(to), "r"(from)
        : "$1", "memory");
#else
    for (int i = 0; i < SCREEN_W; i++) to[i] = from[i];
#endif
}

#endif
