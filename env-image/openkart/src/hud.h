/* The overlay of the picture in a race: lap, time, speed, map and the progress border. */
#ifndef OPENKART_HUD_H
#define OPENKART_HUD_H

#include "game.h"

void hud_draw(const Game *game);

/* Draw the course from above for the menu, size x size pixels from (x, y). A dot marks where the race begins. */
void hud_map_panel(const Game *game, int x, int y, int size);

/* Returns the suffix of a place's number 1..9: ST, ND, RD, TH. */
const char *hud_ordinal(int32_t n);

/* Write a number of VIs as m'ss"cc into `text`, at least 9 bytes. Returns text. */
char *hud_time(char *text, uint32_t vis);

#endif
