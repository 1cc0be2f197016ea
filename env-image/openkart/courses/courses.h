/* The courses there are; each lies in a file of its own and is listed, in the order of the menu, in index.c. */
#ifndef OPENKART_COURSES_H
#define OPENKART_COURSES_H

#include "course.h"
#include "decor.h"

extern const CourseData course_meadow, course_desert, course_harbour, course_mountain;

#endif
