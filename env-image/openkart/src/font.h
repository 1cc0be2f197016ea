/* Text: a 5x7 font with a dark rim, and large slanted letters for titles. */
#ifndef OPENKART_FONT_H
#define OPENKART_FONT_H

#include "raster.h"

#define TEXT_STEP 6 /* pixels from one letter to the next */

/* Draw text (0-9 A-Z and .:'"!-/<>% ) with its letters' upper left at (x, y) and a dark rim; must fit the canvas with a
 * pixel to spare. */
void text_draw(const char *text, int x, int y, Pixel colour);

/* The same, centred on the screen. */
void text_centre(const char *text, int y, Pixel colour);

/* Large letters, each font pixel size x size, slanted, light at the top and dark at the bottom, with a rim; centred at
 * x. */
void text_large(const char *text, int x, int y, int size, Pixel top, Pixel bottom);

#endif
