/* Road, walls, decoration and kart, seen by the camera. */
#ifndef OPENKART_SCENE_H
#define OPENKART_SCENE_H

#include "game.h"

/* Draw everything on the ground, far objects first. Draw no karts if game is 0. */
void scene_draw(const Camera *camera, const Course *course, const Game *game);

#endif
