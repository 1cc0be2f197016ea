/* The menu's order of courses. To add one: write courses/NAME.c, declare it in courses.h, list it here and in the
 * Makefile, and count it in course.h. */
#include "courses.h"
#include "generator.h"

const CourseData *const course_list[COURSES] = {&course_meadow, &course_desert, &course_harbour, &course_mountain,
                                                &course_generated};
