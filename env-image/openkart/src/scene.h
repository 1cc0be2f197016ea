/* Road, walls, decoration and kart, seen by the camera. */
#ifndef OPENKART_SCENE_H
#define OPENKART_SCENE_H

#include "game.h"

/* Draw everything that lies or stands on the ground, far things first; no karts if game is 0. */
void scene_draw(const Camera *camera, const Course *course, const Game *game);

#endif
