/* The kart's looks: a small 3D model, turned into sprites for all directions at start. */
#ifndef OPENKART_KARTMODEL_H
#define OPENKART_KARTMODEL_H

#include "kart.h"

/* Render the model from 64 directions into sprites. Uses the canvas as scratch. */
void kartmodel_bake(void);

/* Draw the kart with its shadow and dust. ground: the screen point under it; foot: the point of its lowest part;
 * earth: the colour of its dust off the road. */
void kartmodel_draw(const Kart *kart, uint32_t camera_heading, Point ground, Point foot, Pixel earth);

#endif
