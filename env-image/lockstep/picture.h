/* Pictures that the video interface shows, and the observations made from them. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdint.h>

#define MAX_SIDE 1024 /* the largest width and height of a picture and an observation, see lockstep.h */

struct picture {
    const uint32_t *pixels;   /* 0xBBGGRR, the top byte is undefined. They begin with the top row. Each next row lies `stride`
                               * pixels before, as in OpenGL. NULL if the picture is in RDRAM */
    const uint8_t *rdram;
    uint32_t origin;          /* byte address of the first pixel in RDRAM */
    uint32_t stride;          /* pixels from one row to the next */
    uint32_t bytes_per_pixel; /* in RDRAM: 2 = RGBA5551, 4 = RGBA8888, 0 = the screen is blank */
    uint32_t height, width;
};

/* Returns the picture that the VI registers describe. A blank screen is a black picture of 240x320.
 *
 * The VI shows an interlaced picture as two fields, one after the other: every second row, from an origin that alternates
 * between the first row and the second. The picture has the rows of both. `last_origin` is the origin of the field before. */
struct picture picture_from_vi(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t status, uint32_t origin,
                               uint32_t last_origin, uint32_t stride, uint32_t h_start, uint32_t v_start, uint32_t x_scale,
                               uint32_t y_scale);

/* Returns the part of the picture that begins at row `top` and column `left`. Height or width 0 means up to the edge. The
 * part is clipped to the picture, but keeps at least one pixel. No pixels are copied. */
struct picture picture_crop(struct picture picture, uint32_t top, uint32_t left, uint32_t height, uint32_t width);

/* Writes one row as 0xBBGGRR values with an undefined top byte: out [width]. */
void picture_row(const struct picture *picture, uint32_t y, uint32_t *out);

/* Writes the picture as RGB: out [height][width][3]. */
void picture_to_rgb(const struct picture *picture, uint8_t *out);

/* observe.c: writes out [height][width][channels]. Each pixel is the mean of the area that it covers. Channels 1 = luma (ITU-R
 * BT.601), 3 = RGB. It uses integer arithmetic only, so the same picture gives the same bytes on every machine. */
void picture_observe(const struct picture *picture, uint8_t *out, uint32_t height, uint32_t width, uint32_t channels);

#endif
