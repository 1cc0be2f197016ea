/* The camera: its position, and the projection of world points onto the screen. */
#ifndef OPENKART_CAMERA_H
#define OPENKART_CAMERA_H

#include "course.h"
#include "kart.h"
#include "raster.h"

#define FOCAL 96        /* pixels: 160 of them span 80 degrees */
#define NEAR 640        /* s.8 metres (2.5 m): the ground there is below the screen's bottom edge */
#define FAR (124 * 256) /* s.8 metres: nothing is drawn beyond */
#define CENTRE_X 80

typedef struct {
    fix x, z;         /* metres */
    int32_t height;   /* above the ground, s.8 metres */
    uint32_t heading; /* 2^32 units a turn */
    int32_t horizon;  /* screen row */
    int32_t s, c;     /* sine and cosine of heading, s1.14; set by camera_aim */
} Camera;

/* A point in front of the camera: x right, z forward, s.8 metres. */
typedef struct {
    int32_t x, z;
} View;

/* Compute s and c after heading has changed. */
void camera_aim(Camera *camera);

void camera_behind(Camera *camera, const Kart *kart);                   /* at once */
void camera_follow(Camera *camera, const Kart *kart);                   /* smoothly, every VI */
void camera_circle(Camera *camera, const Kart *kart, uint32_t time);    /* round the kart, for the results */
void camera_orbit(Camera *camera, const Course *course, uint32_t time); /* along the course, for the menus */

/* World to camera. Only for points less than 127 m away in x and in z: see camera_sees. */
static inline View camera_view(const Camera *camera, fix x, fix z) {
    int32_t dx = (x - camera->x) >> 8, dz = (z - camera->z) >> 8;
    View view = {(dx * camera->c - dz * camera->s) >> 14, (dx * camera->s + dz * camera->c) >> 14};
    return view;
}

/* Returns whether the world point is near enough for camera_view. */
static inline int camera_sees(const Camera *camera, fix x, fix z) {
    uint32_t dx = (uint32_t)(x - camera->x + FIX(90)), dz = (uint32_t)(z - camera->z + FIX(90));
    return dx < (uint32_t)FIX(180) && dz < (uint32_t)FIX(180);
}

/* Pixels per metre at depth z >= NEAR, s.12. */
static inline int32_t camera_scale(int32_t z) { return (FOCAL << 20) / z; }

/* Screen position of a point `up` metres (s.8) above the ground. */
static inline Point camera_project(const Camera *camera, View view, int32_t up) {
    int32_t scale = camera_scale(view.z);
    Point point = {CENTRE_X * 16 + mul_shift(view.x, scale, 16),
                   camera->horizon * 16 + (((camera->height - up) * scale) >> 16)};
    return point;
}

#endif
