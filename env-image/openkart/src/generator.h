/* Courses made from a seed. */
#ifndef OPENKART_GENERATOR_H
#define OPENKART_GENERATOR_H

#include "course.h"

#define GENERATED_SHORTEST FIX(520) /* metres a lap, about the range of the hand-made courses */
#define GENERATED_LONGEST FIX(940)
#define GENERATED_RADIUS FIX(9) /* metres: no bend is tighter */
#define GENERATED_GAP FIX(3)    /* least metres between the walls of two pieces of road */

/* The course of the last seed. */
extern CourseData course_generated;

/* Build the seed's course. It is closed, does not cross or touch itself, and keeps the limits above. The same seed
 * gives the same course. Returns the number of drafts. */
int generator_build(Course *course, int32_t seed);

#endif
