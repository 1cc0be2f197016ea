/* The kart and its physics. */
#ifndef OPENKART_KART_H
#define OPENKART_KART_H

#include "course.h"

#define PAD_A 0x8000
#define PAD_B 0x4000
#define PAD_Z 0x2000
#define PAD_START 0x1000
#define PAD_L 0x0020
#define PAD_R 0x0010

/* Controller 1: buttons as the N64 sends them, stick right and up positive. */
typedef struct {
    uint16_t buttons;
    int8_t x, y;
} Pad;

/* Speeds are metres per VI in s8.24. A turn has 2^32 angle units, so that angles wrap without extra code. */
typedef struct {
    fix x, z;           /* metres */
    fix y;              /* metres above the ground */
    int32_t vx, vz;     /* over the ground */
    fix vy;             /* upwards, metres per VI s16.16 */
    uint32_t heading;   /* of the nose */
    int32_t speed;      /* along the nose */
    int32_t slip;       /* across it, right positive */
    int32_t steer;      /* of the front wheels, -80..80; follows the stick */
    int32_t drift;      /* 0, or the side of the drift: -1 left, 1 right */
    int32_t drift_time; /* VIs in this drift */
    int32_t boost;      /* VIs of boost left */
    int32_t off_road, touching;
    int32_t wall_hits, hit_pause;      /* collisions, and VIs until the next one counts */
    int32_t kart_hits, kart_hit_pause; /* the same with other karts */
    uint16_t held;                     /* buttons of the previous VI */
    Place place;
    int32_t turns; /* laps, from cell changes at the line: race progress = turns + (sample + fraction) / samples */
} Kart;

#define BOOST_TIME 40       /* VIs */
#define BOOST_DRIFT_TIME 50 /* VIs of drift that earn a boost */

/* Put the kart on the course, `metres` (s16.16, may be negative) from the start line and `lateral` metres right of the
 * centre line. */
void kart_place(Kart *kart, const Course *course, fix metres, fix lateral);

/* One VI of driving. */
void kart_step(Kart *kart, const Course *course, Pad pad);

/* Laps since the start line, s16.16. */
fix kart_progress(const Kart *kart, const Course *course);

/* Kart's heading minus the course's, s16 in 1/65536 turns. */
int32_t kart_heading_error(const Kart *kart);

/* The limits of a kart on a course's road; s16.16 metres and seconds. */
typedef struct {
    fix top_speed;          /* without a boost */
    fix engine, brakes;     /* m/s2; the engine at speed 0 */
    fix turning, gripping;  /* m/s2 across the nose: reached at full lock, held by the tyres */
    fix tightest;           /* least radius of a turn */
    fix radius;             /* of the kart: its least distance from a wall */
} KartLimits;

KartLimits kart_limits(const Course *course);

#endif
