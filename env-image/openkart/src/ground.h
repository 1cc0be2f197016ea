/* The ground plane. */
#ifndef OPENKART_GROUND_H
#define OPENKART_GROUND_H

#include "camera.h"

/* Fill the canvas below the horizon with two tones of grass, sand, stone or snow. */
void ground_draw(const Camera *camera, const Course *course);

#endif
