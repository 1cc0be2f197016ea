/* The hand-made courses. Each has its own file. index.c lists them in the order of the menu. */
#ifndef OPENKART_COURSES_H
#define OPENKART_COURSES_H

#include "course.h"
#include "decor.h"

extern const CourseData course_meadow, course_desert, course_harbour, course_mountain;

#endif
