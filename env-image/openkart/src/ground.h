/* The plain that everything stands on. */
#ifndef OPENKART_GROUND_H
#define OPENKART_GROUND_H

#include "camera.h"

/* Fill the canvas below the horizon with two-tone grass. */
void ground_draw(const Camera *camera, const Course *course);

#endif
