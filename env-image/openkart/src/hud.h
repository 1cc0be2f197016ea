/* What lies over the picture in a race: lap, time, speed, map and the progress border. */
#ifndef OPENKART_HUD_H
#define OPENKART_HUD_H

#include "game.h"

void hud_draw(const Game *game);

/* The course seen from above for the menu, size x size pixels from (x, y), with a dot where the race begins. */
void hud_map_panel(const Game *game, int x, int y, int size);

/* ST, ND, RD, TH: what follows a place's number, 1..9. */
const char *hud_ordinal(int32_t n);

/* m'ss"cc of a number of VIs, into at least 9 bytes. Returns text. */
char *hud_time(char *text, uint32_t vis);

#endif
