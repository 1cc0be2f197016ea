/* Shrinks a picture to an observation by area averaging. Every step of every agent waits for this, hence the care. */
#include "picture.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* An output pixel's weights add up to these: rows are summed in 16 bits, columns in 32. */
#define DOWN_ONE 256U
#define ACROSS_ONE 4096U
#define PLANE_SIDE (MAX_SIDE + 96) /* not a power of two, or rows would compete for the same lines of the cache */
#define SUM_SIDE (2 * MAX_SIDE + 160) /* longer than any row, for weights of 0 */
#define TAPS 8 /* source pixels under an output pixel that are multiplied at once */
/* All of it is compiled into one function, and that for two kinds of processors; the right one is chosen at load. */
#define INLINE static inline __attribute__((always_inline))
#define QUICK __attribute__((target_clones("avx2", "default")))

/* How one axis shrinks: output pixel i is the sum over k of weight[i * stride + k] times source pixel source[i] + k. */
struct axis {
    uint32_t from, to;                /* the sizes that it was made for */
    uint32_t stride;                  /* weights of an output pixel; those of source pixels that are not under it: 0 */
    uint32_t source[MAX_SIDE + 4];    /* first source pixel under output pixel i; four are worked on at once */
    int16_t weight[TAPS * (MAX_SIDE + 4)]; /* those of an output pixel add up to `one` */
};

static void make_axis(struct axis *axis, uint32_t from, uint32_t to, uint32_t one)
{
    if (axis->from == from && axis->to == to)
        return;
    memset(axis, 0, sizeof *axis);
    uint32_t taps = from % to ? from / to + 2 : from / to;
    axis->stride = taps < TAPS ? TAPS : taps;
    for (uint32_t i = 0; i < to; i++) {
        uint64_t begin = (uint64_t)i * from, end = begin + from; /* in units of 1/to source pixels */
        uint32_t pixel = begin / to, given = 0;
        int16_t *weight = axis->weight + i * axis->stride;
        axis->source[i] = pixel;
        for (; (uint64_t)pixel * to < end; pixel++) {
            /* The running total is rounded, not the weight: so rounding errors do not add up. */
            uint64_t covered = (uint64_t)(pixel + 1) * to < end ? (uint64_t)(pixel + 1) * to - begin : from;
            uint32_t total = (covered * one + from / 2) / from;
            *weight++ = total - given;
            given = total;
        }
    }
    axis->from = from;
    axis->to = to;
}

/* RGBA5551 pixels to 8 bits a channel: in 16 bits throughout, so that the compiler works on many at once. */
INLINE void split_16(const uint16_t *restrict pixel, uint32_t width, uint16_t *restrict red,
                           uint16_t *restrict green, uint16_t *restrict blue)
{
    for (uint32_t x = 0; x < width; x++) {
        uint16_t r = pixel[x] >> 11, g = pixel[x] >> 6 & 31, b = pixel[x] >> 1 & 31;
        red[x] = r << 3 | r >> 2;
        green[x] = g << 3 | g >> 2;
        blue[x] = b << 3 | b >> 2;
    }
}

INLINE void luma_16(const uint16_t *restrict pixel, uint32_t width, uint16_t *restrict out)
{
    for (uint32_t x = 0; x < width; x++) {
        uint16_t r = pixel[x] >> 11, g = pixel[x] >> 6 & 31, b = pixel[x] >> 1 & 31;
        r = r << 3 | r >> 2, g = g << 3 | g >> 2, b = b << 3 | b >> 2;
        out[x] = (uint16_t)(77 * r + 150 * g + 29 * b + 128) >> 8; /* at most 65408 before the shift */
    }
}

/* One row of the picture: plane [channels][width]. */
INLINE void read_planes(const struct picture *picture, uint32_t y, uint32_t channels, uint16_t plane[3][PLANE_SIDE])
{
    static uint32_t row[MAX_SIDE + 2];

    if (!picture->rgb && picture->bytes_per_pixel == 2) {
        uint32_t address = picture->origin + y * picture->stride * 2;
        const uint32_t *word = (const uint32_t *)(picture->rdram + (address & ~3U));
        for (uint32_t i = 0; i < picture->width / 2 + 1; i++)
            row[i] = word[i] >> 16 | word[i] << 16; /* RDRAM is an array of host-endian words, two pixels each */
        const uint16_t *pixel = (const uint16_t *)row + (address >> 1 & 1);
        if (channels == 1)
            luma_16(pixel, picture->width, plane[0]);
        else
            split_16(pixel, picture->width, plane[0], plane[1], plane[2]);
        return;
    }
    picture_row(picture, y, row);
    for (uint32_t x = 0; x < picture->width; x++) {
        uint32_t r = row[x] >> 16, g = row[x] >> 8 & 255, b = row[x] & 255;
        plane[0][x] = channels == 1 ? (77 * r + 150 * g + 29 * b + 128) >> 8 : r;
        plane[1][x] = g;
        plane[2][x] = b;
    }
}

/* Adds a row times its weight to a row of sums. */
INLINE void add_row(uint16_t *restrict sum, const uint16_t *restrict row, uint32_t width, uint16_t weight)
{
    for (uint32_t x = 0; x < width; x++)
        sum[x] += row[x] * weight; /* at most 255 * DOWN_ONE */
}

/* One row across: sum [axis->from + TAPS], of which the last ones have no weight, to out [axis->to + 3]. */
INLINE void shrink_row(const struct axis *axis, const uint16_t *sum, uint8_t *out)
{
    const uint32_t half = DOWN_ONE * ACROSS_ONE / 2;
#ifdef __SSE2__
    if (axis->stride == TAPS) {
        /* There are products of signed numbers only: 32768 is taken from every sum, and added again to the total. */
        const __m128i bias = _mm_set1_epi16(INT16_MIN), correction = _mm_set1_epi32(32768 * ACROSS_ONE + half);
        for (uint32_t i = 0; i < axis->to; i += 4) {
            __m128i product[4];
            for (uint32_t k = 0; k < 4; k++) {
                __m128i from = _mm_loadu_si128((const __m128i *)(sum + axis->source[i + k]));
                __m128i weight = _mm_loadu_si128((const __m128i *)(axis->weight + (i + k) * TAPS));
                product[k] = _mm_madd_epi16(_mm_xor_si128(from, bias), weight);
            }
            __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(product[0], product[1]), _mm_unpackhi_epi32(product[0], product[1]));
            __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(product[2], product[3]), _mm_unpackhi_epi32(product[2], product[3]));
            __m128i total = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
            total = _mm_srli_epi32(_mm_add_epi32(total, correction), 20); /* DOWN_ONE * ACROSS_ONE is 1 << 20 */
            int32_t pixels = _mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(total, total), total));
            memcpy(out + i, &pixels, 4);
        }
        return;
    }
#endif
    for (uint32_t i = 0; i < axis->to; i++) {
        uint32_t total = half;
        for (uint32_t k = 0; k < axis->stride; k++)
            total += (uint32_t)axis->weight[i * axis->stride + k] * sum[axis->source[i] + k];
        out[i] = total / (DOWN_ONE * ACROSS_ONE);
    }
}

/* Row i of the observation, as far as rows go: sum [channels][picture's width]. */
INLINE void sum_rows(const struct picture *picture, const struct axis *down, uint32_t i, uint32_t channels,
                     uint16_t sum[3][SUM_SIDE])
{
    static uint16_t plane[3][PLANE_SIDE];
    static uint32_t have; /* the row in `plane`: neighbouring output rows share one */

    for (uint32_t c = 0; c < channels; c++)
        memset(sum[c], 0, picture->width * sizeof *sum[c]);
    for (uint32_t k = 0, y = down->source[i]; k < down->stride; k++, y++) {
        uint16_t weight = down->weight[i * down->stride + k];
        if (weight == 0)
            continue;
        if (i == 0 || y != have)
            read_planes(picture, y, channels, plane);
        have = y;
        for (uint32_t c = 0; c < channels; c++)
            add_row(sum[c], plane[c], picture->width, weight);
    }
}

INLINE void shrink(const struct picture *picture, uint8_t *out, const struct axis *down, const struct axis *across,
                   uint32_t channels)
{
    static uint16_t sum[2][3][SUM_SIDE]; /* of this row and the last one: what was just written is slow to read again */
    static uint8_t shrunk[MAX_SIDE + 4];

    sum_rows(picture, down, 0, channels, sum[0]);
    for (uint32_t i = 0; i < down->to; i++, out += across->to * channels) {
        if (i + 1 < down->to)
            sum_rows(picture, down, i + 1, channels, sum[(i + 1) & 1]);
        if (channels == 1)
            shrink_row(across, sum[i & 1][0], out);
        else
            for (uint32_t c = 0; c < channels; c++) {
                shrink_row(across, sum[i & 1][c], shrunk);
                for (uint32_t x = 0; x < across->to; x++)
                    out[x * channels + c] = shrunk[x];
            }
    }
}

QUICK void picture_observe(const struct picture *picture, uint8_t *out, uint32_t height, uint32_t width, uint32_t channels)
{
    static struct axis across, down;

    if (channels == 3 && height == picture->height && width == picture->width) {
        picture_to_rgb(picture, out);
        return;
    }
    make_axis(&across, picture->width, width, ACROSS_ONE);
    make_axis(&down, picture->height, height, DOWN_ONE);
    if (channels == 1)
        shrink(picture, out, &down, &across, 1);
    else
        shrink(picture, out, &down, &across, 3);
}
