/* Sky, clouds and hills: a panorama that scrolls with the camera's heading. */
#ifndef OPENKART_SKY_H
#define OPENKART_SKY_H

#include "camera.h"

/* Paint the panorama in a theme's colours. */
void sky_build(const Theme *theme);

/* Copy the part that the camera sees onto the canvas, down to the horizon. */
void sky_draw(const Camera *camera);

#endif
