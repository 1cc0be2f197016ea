/* Text: a 5x7 font with a dark rim, and large slanted letters for titles. */
#ifndef OPENKART_FONT_H
#define OPENKART_FONT_H

#include "raster.h"

#define TEXT_STEP 6 /* pixels from one letter to the next */

/* Draw text (0-9 A-Z and .:'"!-/<>% ) with a dark rim. The upper left of its letters is at (x, y). The text and one
 * pixel around it must fit the canvas. */
void text_draw(const char *text, int x, int y, Pixel colour);

/* The same, centred on the screen. */
void text_centre(const char *text, int y, Pixel colour);

/* Draw large slanted letters with a rim, centred at x. Each font pixel is size x size. The colour fades from `top` to
 * `bottom`. */
void text_large(const char *text, int x, int y, int size, Pixel top, Pixel bottom);

#endif
