/* A course: its definition (CourseData) and the course that the game builds from it (Course). */
#ifndef OPENKART_COURSE_H
#define OPENKART_COURSE_H

#include "fixed.h"
#include "raster.h"

/* A point that the centre line passes through, in driving order; the first is the start/finish line. */
typedef struct {
    int16_t x, z;        /* metres */
    uint8_t half_width;  /* decimetres from the centre line to the edge of the road */
    uint8_t left, right; /* decimetres from the centre line to the walls */
} ControlPoint;

enum Landscape { LANDSCAPE_HILLS, LANDSCAPE_MESAS, LANDSCAPE_SKYLINE, LANDSCAPE_PEAKS }; /* skyline: at night */

/* The colours and decoration of a course. */
typedef struct {
    Pixel ground[2], road[2], kerb[2], line, wall[2], wall_top;
    Pixel sky_high, sky_low, hill_far, hill_near, cloud, cloud_shade; /* at night: moon and stars */
    Pixel map;                                                        /* the course on the head-up display */
    Pixel dust;                                                       /* off the road */
    uint8_t landscape;                                                /* enum Landscape: the horizon */
    uint8_t decor[2];                                                 /* enum DecorKind, chosen at random */
    uint8_t density;                                                  /* of decoration, per 256 places */
    uint8_t grip;                                                     /* of road and ground, percent of dry asphalt */
    uint32_t seed;                                                    /* of clouds and decoration */
} Theme;

typedef struct {
    const char *name; /* upper case, at most 16 letters */
    const ControlPoint *points;
    int count;
    Theme theme;
} CourseData;

#define COURSE_MAX_SAMPLES 256
#define COURSE_MAX_DECORS 160
#define SAMPLE_SPACING FIX(4.0) /* approximate metres between samples: a lap has a whole number of samples */

/* The centre line sampled at equal distances. Vectors s1.14, widths s8.8 metres. */
typedef struct {
    fix x, z;                        /* metres */
    int16_t tx, tz;                  /* unit tangent, forwards; the unit normal to the right is (tz, -tx) */
    int16_t half, kerb, left, right; /* edge of road, width of kerb, walls' distances from the centre line */
    int16_t bend;                    /* how much the tangent turns to the next sample, s1.14; right is positive */
    uint16_t heading;                /* of the tangent, 1/65536 turns */
} Sample;

typedef struct {
    int16_t x, z;         /* s11.4 metres */
    uint8_t kind, height; /* enum DecorKind; decimetres */
} Decor;

typedef struct {
    const CourseData *data;
    int count;                              /* samples */
    fix spacing;                            /* metres between two samples */
    fix cells;                              /* cells per ten metres, s16.16; a cell is the road between two samples */
    int32_t grip, slippery;                 /* tyre force and turn radius, relative to dry asphalt, s.8 */
    uint32_t serial;                        /* the number of courses built so far, which identifies this one */
    Sample samples[COURSE_MAX_SAMPLES + 1]; /* the last repeats the first */
    int decors;
    Decor decor[COURSE_MAX_DECORS];
} Course;

/* The position of a point relative to the course. */
typedef struct {
    int32_t sample;        /* cell: between samples[sample] and the next */
    fix fraction;          /* within the cell, [0, 1) */
    fix lateral;           /* metres right of the centre line */
    int32_t tx, tz;        /* unit tangent there, s1.14 */
    fix half, left, right; /* metres */
} Place;

#define COURSES 5          /* in course_list */
#define COURSE_GENERATED 4 /* the index of the course that is made from a seed */
#define SEEDS 10000

extern const CourseData *const course_list[COURSES];

/* Build `course` from its data: lay the road, then decorate what is beside it. */
void course_build(Course *course, const CourseData *data);
void course_lay(Course *course, const CourseData *data);
void course_decorate(Course *course);

/* Swap left and right in the built course. */
void course_mirror(Course *course);

/* Find (x, z) on the course, in the cell of place->sample or in a neighbouring cell. A kart moves at most one cell in a
 * VI, so a kart that jumps over the infield is not found on another part of the course. Returns the cells moved: -1, 0
 * or 1. */
int course_locate(const Course *course, Place *place, fix x, fix z);

/* Heading of the course `cells` cells (s16.16, below one lap) ahead of a place, 1/65536 turns. */
int32_t course_heading_ahead(const Course *course, const Place *place, fix cells);

/* Length of the lap along the centre line, metres. */
static inline fix course_length(const Course *course) { return course->spacing * course->count; }

#endif
