/* Road, walls, decoration and kart, seen by the camera. */
#ifndef OPENKART_SCENE_H
#define OPENKART_SCENE_H

#include "camera.h"

/* Draw everything that lies or stands on the ground, far things first; kart may be 0. */
void scene_draw(const Camera *camera, const Course *course, const Kart *kart);

#endif
