/* Sprites with a transparent background. Each row of a sprite is one unbroken run of pixels. */
#ifndef OPENKART_SPRITE_H
#define OPENKART_SPRITE_H

#include "raster.h"

#define SPRITE_MAX_ROWS 64

typedef struct {
    int16_t w, h;
    Pixel *pixels;                                      /* w * h */
    uint8_t from[SPRITE_MAX_ROWS], to[SPRITE_MAX_ROWS]; /* the run of each row: [from, to) */
} Sprite;

/* Find the runs, and fill holes inside a run with `hole`. */
void sprite_finish(Sprite *sprite, Pixel hole);

/* Draw the sprite unscaled, with its bottom middle at (x, y). */
void sprite_draw(const Sprite *sprite, int32_t x, int32_t y);

/* Draw the sprite `height` pixels high (s28.4), with its bottom middle at foot. */
void sprite_draw_scaled(const Sprite *sprite, Point foot, int32_t height);

#endif
