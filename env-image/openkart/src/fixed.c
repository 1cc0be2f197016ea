/* Sine table, square root and arctangent in integers. */
#include "fixed.h"

int16_t sine_table[1024 + 256];

/* sin(x) or cos(x) for x in [0, pi/4], as a Taylor series in s2.29; `i` in 1/1024 turns, 0..128. */
static int32_t series(int32_t i, int cosine_wanted) {
    const int32_t two_pi_1024 = 3294199; /* 2 pi / 1024 in s2.29 */
    int32_t x = i * two_pi_1024, x2 = mul_shift(x, x, 29), one = 1 << 29;
    if (cosine_wanted) return one - mul_shift(x2, one / 2 - mul_shift(x2, one / 24 - x2 / 720, 29), 29);
    return mul_shift(x, one - mul_shift(x2, one / 6 - mul_shift(x2, one / 120 - x2 / 5040, 29), 29), 29);
}

void fixed_start(void) {
    for (int32_t i = 0; i <= 256; i++) {
        int32_t s = i <= 128 ? series(i, 0) : series(256 - i, 1);
        int16_t value = (int16_t)((s + (1 << 14)) >> 15); /* s2.29 to s1.14, rounded */
        sine_table[i] = value;
        sine_table[512 - i] = value;
        sine_table[512 + i] = (int16_t)-value;
        sine_table[1024 - i] = (int16_t)-value;
    }
    sine_table[0] = sine_table[512] = 0;
    for (int32_t i = 0; i < 256; i++) sine_table[1024 + i] = sine_table[i];
}

uint32_t isqrt(uint32_t x) {
    uint32_t root = 0, bit = 1u << 30;
    while (bit > x) bit >>= 2;
    while (bit) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    return root;
}

/* First octant: atan(t) for t in [0, 1] (s.12), in 1/65536 turns, by the fit t (pi/4 + 0.273 (1 - t)). */
static int32_t octant(int32_t t) { return (t * (8192 + ((2847 * (4096 - t)) >> 12))) >> 12; }

uint32_t angle_of(int32_t x, int32_t z) {
    int32_t ax = iabs(x), az = iabs(z), a;
    if (ax == 0 && az == 0) return 0;
    a = ax <= az ? octant((ax << 10) / ((az >> 2) + !(az >> 2)))
                 : 16384 - octant((az << 10) / ((ax >> 2) + !(ax >> 2)));
    if (z < 0) a = 32768 - a;
    if (x < 0) a = -a;
    return (uint32_t)a & 65535;
}
