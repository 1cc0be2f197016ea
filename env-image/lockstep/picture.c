/* Reads the picture that the video interface, or a real video plugin, shows. */
#include "picture.h"

#include <stddef.h>
#include <string.h>

#define VI_SERRATE 0x40 /* in the status: the picture is interlaced */

struct picture picture_from_vi(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t status, uint32_t origin,
                               uint32_t last_origin, uint32_t stride, uint32_t h_start, uint32_t v_start, uint32_t x_scale,
                               uint32_t y_scale)
{
    struct picture picture = {.rdram = rdram, .origin = origin & 0xFFFFFF, .stride = stride & 0xFFF};
    uint32_t columns = (h_start & 0x3FF) - ((h_start >> 16) & 0x3FF); /* in units of 1/640 of a line */
    uint32_t lines = ((v_start & 0x3FF) - ((v_start >> 16) & 0x3FF)) / 2;

    if (lines >= 237 && lines < 240) /* the usual NTSC window hides three lines of a 240 line buffer */
        lines = 240;
    picture.width = (columns * (x_scale & 0xFFF)) >> 10;
    picture.height = (lines * (y_scale & 0xFFF)) >> 10;
    picture.bytes_per_pixel = (status & 3) == 2 ? 2 : (status & 3) == 3 ? 4 : 0;

    if ((status & VI_SERRATE) && picture.stride >= 2 * picture.width) {
        picture.stride /= 2;
        picture.height *= 2;
        if (picture.origin == (last_origin & 0xFFFFFF) + picture.stride * picture.bytes_per_pixel)
            picture.origin = last_origin & 0xFFFFFF; /* the second field of the same picture */
    }
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
    if (picture.pixels)
        picture.pixels += left - (ptrdiff_t)top * picture.stride;
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

static inline uint32_t rgb_of_16(uint32_t half) /* RGBA5551 to 0xBBGGRR */
{
    uint32_t r = half >> 11, g = (half >> 6) & 31, b = (half >> 1) & 31;
    return (r << 3 | r >> 2) | ((g << 3 | g >> 2) << 8) | ((b << 3 | b >> 2) << 16);
}

void picture_row(const struct picture *picture, uint32_t y, uint32_t *out)
{
    if (picture->pixels) {
        memcpy(out, picture->pixels - (ptrdiff_t)y * picture->stride, picture->width * sizeof *out);
    } else if (picture->bytes_per_pixel == 2) {
        uint32_t address = picture->origin + y * picture->stride * 2;
        for (uint32_t x = 0; x < picture->width; x++)
            out[x] = rgb_of_16(half_at(picture, address + 2 * x));
    } else if (picture->bytes_per_pixel == 4) {
        const uint32_t *from = (const uint32_t *)(picture->rdram + (picture->origin & ~3U)) + (size_t)y * picture->stride;
        for (uint32_t x = 0; x < picture->width; x++)
            out[x] = __builtin_bswap32(from[x]);
    } else {
        memset(out, 0, picture->width * sizeof *out);
    }
}

void picture_to_rgb(const struct picture *picture, uint8_t *out)
{
    uint32_t row[MAX_SIDE];
    for (uint32_t y = 0; y < picture->height; y++) {
        picture_row(picture, y, row);
        for (uint32_t x = 0; x < picture->width; x++, out += 3) {
            out[0] = row[x];
            out[1] = row[x] >> 8;
            out[2] = row[x] >> 16;
        }
    }
}
