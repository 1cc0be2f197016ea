/* Courses made from a seed. */
#ifndef OPENKART_GENERATOR_H
#define OPENKART_GENERATOR_H

#include "course.h"

#define GENERATED_SHORTEST FIX(520) /* metres a lap, as the hand-made courses have it */
#define GENERATED_LONGEST FIX(940)
#define GENERATED_RADIUS FIX(9) /* metres: no bend is tighter */
#define GENERATED_GAP FIX(3)    /* metres between the walls of two pieces of road, at least */

/* What the last seed was made into. */
extern CourseData course_generated;

/* Build the seed's course: closed, never crossing or touching itself, within the limits above. The same seed gives the
 * same course. Returns how many drafts it took. */
int generator_build(Course *course, int32_t seed);

#endif
