/* Fixed-point numbers and angles in integers, without a library. */
#ifndef OPENKART_FIXED_H
#define OPENKART_FIXED_H

#include <stdint.h>

typedef int32_t fix; /* s16.16 unless a comment says otherwise */

#define FIX_ONE 65536
#define FIX(x) \
    ((fix)((x) * 65536 + ((x) < 0 ? -0.5 : 0.5))) /* x must be a constant: the compiler folds it */

/* (a * b) >> shift with a 64-bit product: one mult on MIPS. */
static inline int32_t mul_shift(int32_t a, int32_t b, int shift) { return (int32_t)(((int64_t)a * b) >> shift); }

static inline fix fix_mul(fix a, fix b) { return mul_shift(a, b, 16); }

static inline int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

static inline int32_t iabs(int32_t x) { return x < 0 ? -x : x; }

/* sin and cos of an angle of 65536 units a turn, s1.14; steps of 1/1024 turn. Filled by fixed_start(). */
extern int16_t sine_table[1024 + 256];

static inline int32_t sine(uint32_t angle) { return sine_table[(angle >> 6) & 1023]; }
static inline int32_t cosine(uint32_t angle) { return sine_table[((angle >> 6) & 1023) + 256]; }

void fixed_start(void);

/* Floor of the square root. */
uint32_t isqrt(uint32_t x);

/* Angle of the vector (x right, z forward), 0..65535, clockwise from +z; error below 1/1000 turn. |x|, |z| < 2^20. */
uint32_t angle_of(int32_t x, int32_t z);

/* A small linear congruential generator for decoration. The caller keeps the state. Returns 0..32767. */
static inline int32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (int32_t)(*state >> 17);
}

#endif
