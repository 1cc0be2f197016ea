/* What lies over the picture in a race: lap, time, speed, map and the progress border. */
#ifndef OPENKART_HUD_H
#define OPENKART_HUD_H

#include "game.h"

void hud_draw(const Game *game);

/* The course seen from above, size x size pixels from (x, y). */
void hud_map(const Course *course, int x, int y, int size, Pixel colour);

/* m'ss"cc of a number of VIs, into at least 9 bytes. Returns text. */
char *hud_time(char *text, uint32_t vis);

#endif
