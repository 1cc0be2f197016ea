/* The course in the camera's view: each sample gives a line across the course with six marks. */
#ifndef OPENKART_ROAD_H
#define OPENKART_ROAD_H

#include "camera.h"

enum Mark { WALL_LEFT, KERB_LEFT, ROAD_LEFT, ROAD_RIGHT, KERB_RIGHT, WALL_RIGHT, MARKS };

typedef struct {
    int32_t seen;    /* 0: the line is outside of this picture, and its other fields are stale */
    int32_t nearest; /* smallest z of the marks */
    View view[MARKS];
    Point point[MARKS]; /* valid if nearest >= NEAR */
} Line;

/* One line for each sample of the course, and the first line again at the end. road_draw computes them. */
extern Line lines[COURSE_MAX_SAMPLES + 1];

/* Compute `lines`, and draw kerbs, road, centre line and start line. */
void road_draw(const Camera *camera, const Course *course);

/* Append a quadrilateral to the raster's list. */
static inline void quad(Point a, Point b, Point c, Point d, Pixel colour) {
    Point *corner = raster_polygon(4, colour);
    corner[0] = a;
    corner[1] = b;
    corner[2] = c;
    corner[3] = d;
}

#endif
