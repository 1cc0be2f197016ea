/* Camera movements. */
#include "camera.h"

#define DISTANCE FIX(4.6) /* behind the kart, metres */
#define HEIGHT 560        /* 2.2 m */
#define HORIZON 42
#define HEIGHT_ORBIT 1100 /* 4.3 m */
#define ORBIT_SPEED 3     /* 1/16 metres per VI */

void camera_aim(Camera *camera) {
    camera->s = sine(camera->heading >> 16);
    camera->c = cosine(camera->heading >> 16);
}

static void stand_back(Camera *camera, const Kart *kart, fix distance) {
    camera_aim(camera);
    camera->x = kart->x - mul_shift(distance, camera->s, 14);
    camera->z = kart->z - mul_shift(distance, camera->c, 14);
}

void camera_behind(Camera *camera, const Kart *kart) {
    camera->heading = kart->heading;
    camera->height = HEIGHT;
    camera->horizon = HORIZON;
    stand_back(camera, kart, DISTANCE);
}

void camera_follow(Camera *camera, const Kart *kart) {
    int32_t lag = (int32_t)(kart->heading - camera->heading);
    camera->heading += (uint32_t)(lag / 10);
    stand_back(camera, kart, DISTANCE + (kart->speed >> 7)); /* speed stretches the view: by 0.8 m at 24 m/s */
}

void camera_circle(Camera *camera, const Kart *kart, uint32_t time) {
    camera->heading = kart->heading + 0x80000000u + time * 6000000u;
    camera->height = HEIGHT;
    camera->horizon = HORIZON;
    stand_back(camera, kart, DISTANCE);
}

void camera_orbit(Camera *camera, const Course *course, uint32_t time) {
    fix along = (fix)(((time * ORBIT_SPEED) << 12) % (uint32_t)(course->spacing * course->count));
    int32_t cell = along / course->spacing, part = (along % course->spacing) / (course->spacing >> 8);
    const Sample *s = &course->samples[cell], *next = s + 1;
    const Sample *aim = &course->samples[(cell + 3) % course->count];
    const Sample *then = &course->samples[(cell + 4) % course->count];
    camera->x = s->x + ((next->x - s->x) >> 8) * part;
    camera->z = s->z + ((next->z - s->z) >> 8) * part;
    camera->heading =
        angle_of((aim->tx * (256 - part) + then->tx * part) >> 6, (aim->tz * (256 - part) + then->tz * part) >> 6)
        << 16;
    camera->height = HEIGHT_ORBIT;
    camera->horizon = HORIZON + 6;
    camera_aim(camera);
}
