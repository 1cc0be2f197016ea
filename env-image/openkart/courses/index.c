/* The courses in the order of the menu. To add a course, write courses/NAME.c, declare the course in courses.h, list it
 * here and in the Makefile, and raise COURSES in course.h. */
#include "courses.h"
#include "generator.h"

const CourseData *const course_list[COURSES] = {&course_meadow, &course_desert, &course_harbour, &course_mountain,
                                                &course_generated};
