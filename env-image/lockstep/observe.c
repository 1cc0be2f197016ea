/* Shrinks a picture to an observation by area averaging. Every step of every agent waits for this, so it is optimised. */
#include "picture.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The sums of an output pixel's weights. Rows are summed in 16 bits, columns in 32 bits. */
#define DOWN_ONE 256U
#define ACROSS_ONE 4096U
#define PLANE_SIDE (MAX_SIDE + 96) /* not a power of two, so that rows do not compete for the same cache lines */
#define SUM_SIDE (2 * MAX_SIDE + 160) /* longer than any row, because weights of 0 read past a row's end */
#define TAPS 8 /* source pixels under an output pixel that are multiplied at once */
/* Everything is inlined into one function. On x86-64 it is compiled for two kinds of processors, and the loader chooses the
 * right one. Every arm64 processor has NEON, so the compiler uses it by default. */
#define INLINE static inline __attribute__((always_inline))
#ifdef __x86_64__
#define QUICK __attribute__((target_clones("avx2", "default")))
#else
#define QUICK
#endif

/* Shrinks one axis: output pixel i is the sum over k of weight[i * stride + k] times source pixel source[i] + k. */
struct axis {
    uint32_t from, to;                /* sizes of the axis in the picture and in the observation */
    uint32_t stride;                  /* weights per output pixel; 0 for a source pixel that is not under the output pixel */
    uint32_t source[MAX_SIDE + 4];    /* first source pixel under output pixel i; four are computed at once */
    int16_t weight[TAPS * (MAX_SIDE + 4)]; /* the weights of an output pixel add up to `one` */
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
            /* Rounding the running total instead of each weight keeps rounding errors from adding up. */
            uint64_t covered = (uint64_t)(pixel + 1) * to < end ? (uint64_t)(pixel + 1) * to - begin : from;
            uint32_t total = (covered * one + from / 2) / from;
            *weight++ = total - given;
            given = total;
        }
    }
    axis->from = from;
    axis->to = to;
}

/* Converts RGBA5551 pixels to 8 bits a channel. All arithmetic is in 16 bits, so that the compiler can vectorise it. */
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

INLINE void split_32(const uint32_t *restrict pixel, uint32_t width, uint16_t *restrict red,
                           uint16_t *restrict green, uint16_t *restrict blue)
{
    for (uint32_t x = 0; x < width; x++) {
        red[x] = pixel[x] & 255;
        green[x] = pixel[x] >> 8 & 255;
        blue[x] = pixel[x] >> 16 & 255;
    }
}

INLINE void luma_32(const uint32_t *restrict pixel, uint32_t width, uint16_t *restrict out)
{
    for (uint32_t x = 0; x < width; x++) {
        uint16_t r = pixel[x] & 255, g = pixel[x] >> 8 & 255, b = pixel[x] >> 16 & 255;
        out[x] = (uint16_t)(77 * r + 150 * g + 29 * b + 128) >> 8; /* at most 65408 before the shift */
    }
}

/* Reads one row of the picture: plane [channels][width]. */
INLINE void read_planes(const struct picture *picture, uint32_t y, uint32_t channels, uint16_t plane[3][PLANE_SIDE])
{
    static uint32_t row[MAX_SIDE + 2];

    if (!picture->pixels && picture->bytes_per_pixel == 2) {
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
    if (channels == 1)
        luma_32(row, picture->width, plane[0]);
    else
        split_32(row, picture->width, plane[0], plane[1], plane[2]);
}

/* Adds a row times its weight to a row of sums. */
INLINE void add_row(uint16_t *restrict sum, const uint16_t *restrict row, uint32_t width, uint16_t weight)
{
    for (uint32_t x = 0; x < width; x++)
        sum[x] += row[x] * weight; /* at most 255 * DOWN_ONE */
}

/* Shrinks one row: sum [axis->from + TAPS] to out [axis->to + 3]. The sums past axis->from have weight 0. */
INLINE void shrink_row(const struct axis *axis, const uint16_t *sum, uint8_t *out)
{
    const uint32_t half = DOWN_ONE * ACROSS_ONE / 2;
#ifdef __SSE2__
    if (axis->stride == TAPS) {
        /* SSE2 multiplies signed numbers only. So 32768 is subtracted from every sum, and the total is corrected for it. */
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

/* Sums the weighted rows under row i of the observation: sum [channels][picture's width]. */
INLINE void sum_rows(const struct picture *picture, const struct axis *down, uint32_t i, uint32_t channels,
                     uint16_t sum[3][SUM_SIDE])
{
    static uint16_t plane[3][PLANE_SIDE];
    static uint32_t have; /* the row that `plane` holds: neighbouring output rows share a source row */

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
    static uint16_t sum[2][3][SUM_SIDE]; /* two rows, because reading memory that was just written is slow */
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
