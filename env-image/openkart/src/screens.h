/* The overlays that the stages draw over the scene: title, course select, traffic light, pause, warnings, results. */
#ifndef OPENKART_SCREENS_H
#define OPENKART_SCREENS_H

#include "game.h"

void screens_draw(const Game *game);

#endif
