/* Reads the picture that the video interface shows, and shrinks it to an observation by area averaging. */
#include "picture.h"

#include <string.h>

#define MAX_SIDE 1024 /* lockstep.h: no picture and no observation is wider or higher */
/* An output pixel's weights add up to these: rows are summed in 16 bits, columns in 32. */
#define DOWN_ONE 256U
#define ACROSS_ONE 4096U
#define QUICK __attribute__((target_clones("avx2", "default"))) /* compiled for both, chosen when it is loaded */

struct picture picture_from_vi(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t status, uint32_t origin,
                               uint32_t stride, uint32_t h_start, uint32_t v_start, uint32_t x_scale, uint32_t y_scale)
{
    struct picture picture = {.rdram = rdram, .origin = origin & 0xFFFFFF, .stride = stride & 0xFFF};
    uint32_t columns = (h_start & 0x3FF) - ((h_start >> 16) & 0x3FF); /* in pixels of a 640 pixel line */
    uint32_t lines = ((v_start & 0x3FF) - ((v_start >> 16) & 0x3FF)) / 2;

    if (lines >= 237 && lines < 240) /* the usual NTSC window hides three lines of a 240 line buffer */
        lines = 240;
    picture.width = (columns * (x_scale & 0xFFF)) >> 10;
    picture.height = (lines * (y_scale & 0xFFF)) >> 10;
    picture.bytes_per_pixel = (status & 3) == 2 ? 2 : (status & 3) == 3 ? 4 : 0;

    uint64_t end = picture.origin + (uint64_t)picture.stride * picture.height * picture.bytes_per_pixel;
    if (picture.bytes_per_pixel == 0 || picture.origin == 0 || picture.stride == 0 || end > rdram_bytes ||
        picture.width == 0 || picture.width > MAX_SIDE || picture.height == 0 || picture.height > 768) {
        picture.bytes_per_pixel = 0;
        picture.height = 240;
        picture.width = 320;
    } else if (picture.width > picture.stride) {
        picture.width = picture.stride;
    }
    return picture;
}

/* Cuts [*begin, *begin + *size) out of an axis of `whole` pixels. */
static void crop_axis(uint32_t whole, uint32_t *begin, uint32_t *size)
{
    if (*begin >= whole)
        *begin = whole - 1;
    if (*size == 0 || *size > whole - *begin)
        *size = whole - *begin;
}

struct picture picture_crop(struct picture picture, uint32_t top, uint32_t left, uint32_t height, uint32_t width)
{
    crop_axis(picture.height, &top, &height);
    crop_axis(picture.width, &left, &width);
    if (picture.rgb)
        picture.rgb += ((size_t)top * picture.stride + left) * 3;
    else
        picture.origin += (top * picture.stride + left) * picture.bytes_per_pixel;
    picture.height = height;
    picture.width = width;
    return picture;
}

/* RDRAM is an array of host-endian words: the halfword at address a lies at a ^ 2. */
static inline uint32_t half_at(const struct picture *picture, uint32_t address)
{
    uint16_t half;
    memcpy(&half, picture->rdram + (address ^ 2), 2);
    return half;
}

static inline uint32_t rgb_of_16(uint32_t half) /* RGBA5551 to 0xRRGGBB */
{
    uint32_t r = half >> 11, g = (half >> 6) & 31, b = (half >> 1) & 31;
    return ((r << 3 | r >> 2) << 16) | ((g << 3 | g >> 2) << 8) | (b << 3 | b >> 2);
}

/* One row as 0xRRGGBB values: out [width]. */
static void read_row(const struct picture *picture, uint32_t y, uint32_t *out)
{
    if (picture->rgb) {
        const uint8_t *from = picture->rgb + (size_t)y * picture->stride * 3;
        for (uint32_t x = 0; x < picture->width; x++, from += 3)
            out[x] = (uint32_t)from[0] << 16 | from[1] << 8 | from[2];
    } else if (picture->bytes_per_pixel == 2) {
        uint32_t address = picture->origin + y * picture->stride * 2;
        for (uint32_t x = 0; x < picture->width; x++)
            out[x] = rgb_of_16(half_at(picture, address + 2 * x));
    } else if (picture->bytes_per_pixel == 4) {
        const uint32_t *from = (const uint32_t *)(picture->rdram + (picture->origin & ~3U)) + (size_t)y * picture->stride;
        for (uint32_t x = 0; x < picture->width; x++)
            out[x] = from[x] >> 8;
    } else {
        memset(out, 0, picture->width * sizeof *out);
    }
}

void picture_to_rgb(const struct picture *picture, uint8_t *out)
{
    uint32_t row[MAX_SIDE];
    for (uint32_t y = 0; y < picture->height; y++) {
        read_row(picture, y, row);
        for (uint32_t x = 0; x < picture->width; x++, out += 3) {
            out[0] = row[x] >> 16;
            out[1] = row[x] >> 8;
            out[2] = row[x];
        }
    }
}

/* How one axis shrinks: output pixel i is the sum over k of weight[i * taps + k] times source pixel source[i] + k. */
struct axis {
    uint32_t from, to;         /* the sizes that it was made for */
    uint32_t taps;             /* source pixels under an output pixel, at most; the weights of those that are not: 0 */
    uint32_t source[MAX_SIDE]; /* first source pixel under output pixel i */
    uint16_t weight[3 * MAX_SIDE]; /* those of an output pixel add up to `one` */
};

static void make_axis(struct axis *axis, uint32_t from, uint32_t to, uint32_t one)
{
    if (axis->from == from && axis->to == to)
        return;
    axis->taps = from % to ? from / to + 2 : from / to;
    memset(axis->weight, 0, sizeof axis->weight);
    for (uint32_t i = 0; i < to; i++) {
        uint64_t begin = (uint64_t)i * from, end = begin + from; /* in units of 1/to source pixels */
        uint32_t pixel = begin / to, given = 0;
        uint16_t *weight = axis->weight + i * axis->taps;
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

static uint8_t luma(uint32_t rgb)
{
    return (77 * (rgb >> 16) + 150 * (rgb >> 8 & 255) + 29 * (rgb & 255) + 128) >> 8;
}

/* Luma of one row of RGBA5551 pixels, two to a word, in 16 bits throughout: this is what most agents look at. */
QUICK static void read_luma_16(const struct picture *picture, uint32_t y, uint16_t *out)
{
    uint32_t address = picture->origin + y * picture->stride * 2;
    uint32_t odd = address >> 1 & 1; /* the row begins in the middle of a word */
    const uint32_t *word = (const uint32_t *)(picture->rdram + (address & ~3U));
    static uint16_t half[MAX_SIDE + 2];

    for (uint32_t i = 0; i < (picture->width + odd + 1) / 2; i++) {
        half[2 * i] = word[i] >> 16;
        half[2 * i + 1] = word[i];
    }
    for (uint32_t x = 0; x < picture->width; x++) {
        uint16_t pixel = half[odd + x], r = pixel >> 11, g = pixel >> 6 & 31, b = pixel >> 1 & 31;
        r = r << 3 | r >> 2, g = g << 3 | g >> 2, b = b << 3 | b >> 2;
        out[x] = (uint16_t)(77 * r + 150 * g + 29 * b + 128) >> 8; /* at most 65408 */
    }
}

/* One row of channel values: out [width][channels]. 16 bits each, so that the compiler multiplies eight at once. */
static void read_values(const struct picture *picture, uint32_t y, uint32_t channels, uint16_t *out)
{
    static uint32_t row[MAX_SIDE];

    if (channels == 1 && !picture->rgb && picture->bytes_per_pixel == 2) {
        read_luma_16(picture, y, out);
        return;
    }
    read_row(picture, y, row);
    if (channels == 1) {
        for (uint32_t x = 0; x < picture->width; x++)
            out[x] = luma(row[x]);
    } else {
        for (uint32_t x = 0; x < picture->width; x++, out += 3) {
            out[0] = row[x] >> 16;
            out[1] = row[x] >> 8 & 255;
            out[2] = row[x] & 255;
        }
    }
}

/* One output row: sum [picture's width + taps][channels], of which the last ones have no weight, to out [width][channels].
 * Inlined with its last two arguments known, which is what makes it quick. */
static inline __attribute__((always_inline)) void shrink_row(const struct axis *axis, const uint16_t *sum, uint8_t *out,
                                                             uint32_t taps, uint32_t channels)
{
    for (uint32_t j = 0; j < axis->to; j++)
        for (uint32_t c = 0; c < channels; c++) {
            const uint16_t *from = sum + axis->source[j] * channels + c, *weight = axis->weight + j * taps;
            uint32_t total = DOWN_ONE * ACROSS_ONE / 2;
            for (uint32_t k = 0; k < taps; k++)
                total += (uint32_t)weight[k] * from[k * channels];
            *out++ = total / (DOWN_ONE * ACROSS_ONE);
        }
}

QUICK void picture_observe(const struct picture *picture, uint8_t *out, uint32_t height, uint32_t width, uint32_t channels)
{
    static struct axis across, down;
    static uint16_t value[MAX_SIDE * 3], sum[(MAX_SIDE + 2) * 3];
    uint32_t have = UINT32_MAX; /* the row in `value`: neighbouring output rows share one */

    if (channels == 3 && height == picture->height && width == picture->width) {
        picture_to_rgb(picture, out);
        return;
    }
    make_axis(&across, picture->width, width, ACROSS_ONE);
    make_axis(&down, picture->height, height, DOWN_ONE);
    for (uint32_t i = 0; i < height; i++, out += width * channels) {
        memset(sum, 0, picture->width * channels * sizeof *sum);
        for (uint32_t k = 0, y = down.source[i]; k < down.taps; k++, y++) {
            uint16_t weight = down.weight[i * down.taps + k];
            if (weight == 0)
                continue;
            if (y != have)
                read_values(picture, y, channels, value);
            have = y;
            for (uint32_t x = 0; x < picture->width * channels; x++)
                sum[x] += value[x] * weight; /* at most 255 * DOWN_ONE */
        }
        if (across.taps == 3 && channels == 1) /* 160 or 320 pixels to 84 */
            shrink_row(&across, sum, out, 3, 1);
        else if (across.taps == 3)
            shrink_row(&across, sum, out, 3, 3);
        else if (channels == 1)
            shrink_row(&across, sum, out, across.taps, 1);
        else
            shrink_row(&across, sum, out, across.taps, 3);
    }
}
