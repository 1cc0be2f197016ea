/* The menu's order of courses. To add one: write courses/NAME.c, declare it in courses.h, list it here and in the
 * Makefile. */
#include "courses.h"

const CourseData *const course_list[] = {&course_meadow};
const int course_list_count = sizeof course_list / sizeof course_list[0];
