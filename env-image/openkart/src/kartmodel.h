/* The kart's sprites: a small 3D model is rendered from all directions at start. */
#ifndef OPENKART_KARTMODEL_H
#define OPENKART_KARTMODEL_H

#include "kart.h"

/* Render the model from 64 directions into sprites. Uses the canvas as scratch. */
void kartmodel_bake(void);

/* Draw the kart with its shadow and dust. ground: the screen point under it; foot: the screen point of its lowest part;
 * earth: the colour of its dust off the road. */
void kartmodel_draw(const Kart *kart, uint32_t camera_heading, Point ground, Point foot, Pixel earth);

/* Draw CPU kart `livery` (0..RIVALS - 1) in its colours, scaled for its depth z (s.8 metres). */
void kartmodel_draw_rival(const Kart *kart, int livery, uint32_t camera_heading, Point ground, int32_t z);

/* Paint the CPU karts, unless they are already painted. */
void kartmodel_paint_rivals(void);

/* The colour of CPU kart `livery` on the map. */
Pixel kartmodel_colour(int livery);

#endif
