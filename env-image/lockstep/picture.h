/* Pictures: what the video interface shows, and observations made from it. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdint.h>

#define MAX_SIDE 1024 /* lockstep.h: no picture and no observation is wider or higher */

struct picture {
    const uint8_t *rgb;       /* [height][width][3], or NULL: then it lies in RDRAM */
    const uint8_t *rdram;
    uint32_t origin;          /* byte address of the first pixel in RDRAM */
    uint32_t stride;          /* pixels from one row to the next */
    uint32_t bytes_per_pixel; /* in RDRAM: 2 = RGBA5551, 4 = RGBA8888, 0 = the screen is blank */
    uint32_t height, width;
};

/* What the VI registers describe. A blank screen is a black picture of 240x320. */
struct picture picture_from_vi(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t status, uint32_t origin,
                               uint32_t stride, uint32_t h_start, uint32_t v_start, uint32_t x_scale, uint32_t y_scale);

/* The part of the picture from row `top` and column `left` on; height or width 0 = all that is there. What lies outside
 * of the picture is cut off, down to one pixel. Nothing is copied. */
struct picture picture_crop(struct picture picture, uint32_t top, uint32_t left, uint32_t height, uint32_t width);

/* One row as 0xRRGGBB values: out [width]. */
void picture_row(const struct picture *picture, uint32_t y, uint32_t *out);

/* Writes the picture as RGB: out [height][width][3]. */
void picture_to_rgb(const struct picture *picture, uint8_t *out);

/* observe.c: writes out [height][width][channels], each pixel the mean of the area that it covers; channels 1 = luma (ITU-R
 * BT.601), 3 = RGB. Integer arithmetic only: the same picture gives the same bytes everywhere. */
void picture_observe(const struct picture *picture, uint8_t *out, uint32_t height, uint32_t width, uint32_t channels);

#endif
