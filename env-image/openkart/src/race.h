/* A race, from the grid to the results. */
#ifndef OPENKART_RACE_H
#define OPENKART_RACE_H

#include "game.h"

/* Place all karts on the grid of the chosen race and begin the countdown. */
void race_begin(Game *game);

/* One VI of the race, of a pause, or of the results. */
void race_step(Game *game);
void race_results(Game *game);

#endif
