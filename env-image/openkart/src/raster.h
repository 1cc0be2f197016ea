/* The picture: three frame buffers of 160x120 RGBA5551, flat spans and convex polygons. */
#ifndef OPENKART_RASTER_H
#define OPENKART_RASTER_H

#include <stdint.h>

#define SCREEN_W 160
#define SCREEN_H 120

typedef uint16_t Pixel; /* RRRRRGGG GGBBBBBA in the machine's own byte order; A = 1, and 0 means "transparent" in sprites */

/* A colour from 8-bit components. */
#define RGB(r, g, b) ((Pixel)((((r) >> 3) << 11) | (((g) >> 3) << 6) | (((b) >> 3) << 1) | 1))

typedef struct {
    int32_t x, y; /* screen position, s28.4; pixel (i, j) has its centre at integer (i, j) */
} Point;

extern Pixel *canvas; /* the buffer being drawn, SCREEN_W * SCREEN_H */

/* Take the next of the three buffers as canvas: neither the one shown nor the one shown before. */
void raster_begin(void);

/* The canvas is complete: show it from the next VI on. */
void raster_finish(void);

/* The buffer on show. */
const Pixel *raster_shown(void);

/* Fill a convex polygon of n >= 3 corners, any orientation, clipped to the canvas. Neighbours that share an edge leave no gap. */
void raster_polygon(const Point *points, int n, Pixel colour);

/* Fill a rectangle; it must lie inside the canvas. */
void raster_rectangle(int x, int y, int w, int h, Pixel colour);

/* Darken a rectangle to half brightness (for panels behind text); it must lie inside the canvas. */
void raster_shade(int x, int y, int w, int h);

/* Eight bytes a store: emulated stores cost several times an addition, whatever their width, so the widest is the
 * cheapest by the pixel. C for o32 has no 64-bit registers, the VR4300 does: hence assembler.  p < end, 8-aligned. */
static inline void fill64(Pixel *p, Pixel *end, uint32_t pair) {
#ifdef __mips__
    uint32_t t;
    __asm__ volatile(
        ".set push\n .set noreorder\n .set noat\n .set mips3\n"
        "dsll32 $1, %2, 0\n dsrl32 %3, $1, 0\n or $1, $1, %3\n"
        "subu %3, %1, %0\n addiu %3, %3, -32\n"
        "bltz %3, 2f\n nop\n"
        "1: addiu %3, %3, -32\n"
        "sd $1, 0(%0)\n sd $1, 8(%0)\n sd $1, 16(%0)\n sd $1, 24(%0)\n"
        "bgez %3, 1b\n addiu %0, %0, 32\n"
        "2: beq %0, %1, 4f\n nop\n"
        "3: addiu %0, %0, 8\n bne %0, %1, 3b\n sd $1, -8(%0)\n"
        "4:\n .set pop"
        : "+r"(p), "+r"(end), "+r"(pair), "=&r"(t)
        :
        : "$1", "memory");
#else
    uint64_t four = ((uint64_t)pair << 32) | pair;
    for (; p < end; p += 4) *(uint64_t *)(void *)p = four;
#endif
}

/* Copy n groups of four pixels; both sides 8-aligned. */
static inline void copy64(Pixel *to, const Pixel *from, int groups) {
#ifdef __mips__
    Pixel *end = to + 4 * groups;
    __asm__ volatile(
        ".set push\n .set noreorder\n .set noat\n .set mips3\n"
        "1: ld $1, 0(%1)\n sd $1, 0(%0)\n ld $1, 8(%1)\n sd $1, 8(%0)\n"
        "ld $1, 16(%1)\n sd $1, 16(%0)\n ld $1, 24(%1)\n sd $1, 24(%0)\n"
        "addiu %0, %0, 32\n bne %0, %2, 1b\n addiu %1, %1, 32\n"
        ".set pop"
        : "+r"(to), "+r"(from)
        : "r"(end)
        : "$1", "memory");
#else
    for (int i = 0; i < groups; i++) ((uint64_t *)(void *)to)[i] = ((const uint64_t *)(const void *)from)[i];
#endif
}

/* Fill n >= 1 pixels from p on. */
static inline void span_fill(Pixel *p, int32_t n, Pixel colour) {
    uint32_t pair = colour | ((uint32_t)colour << 16);
    if (n >= 8) {
        if ((uintptr_t)p & 2) *p++ = colour, n--;
        if ((uintptr_t)p & 4) *(uint32_t *)(void *)p = pair, p += 2, n -= 2;
        Pixel *end = p + (n & ~3);
        fill64(p, end, pair);
        p = end;
        n &= 3;
        if (n & 2) *(uint32_t *)(void *)p = pair, p += 2;
        if (n & 1) *p = colour;
    } else {
        do *p++ = colour;
        while (--n);
    }
}

#endif
