/* Frost Peak: a mountain road in serpentines. Snow and ice give little grip. */
#include "courses.h"

#define ROAD 54, 90, 90 /* 10.8 m of road, walls 9 m from the centre line */

static const ControlPoint points[] = {
    {-76, -22, ROAD},                                                                        /* the line */
    {-77, 2, ROAD},   {-74, 26, ROAD},  {-62, 46, ROAD},  {-40, 56, ROAD},  {-15, 57, ROAD}, /* uphill right */
    {10, 55, ROAD},   {35, 57, ROAD},   {58, 54, ROAD},   {70, 40, ROAD},   {60, 26, ROAD},  /* first hairpin */
    {38, 23, ROAD},   {14, 25, ROAD},   {-10, 25, ROAD},  {-32, 21, ROAD},  {-43, 7, ROAD},  /* second */
    {-32, -7, ROAD},  {-10, -9, ROAD},  {14, -5, ROAD},   {38, -4, ROAD},   {61, -8, ROAD},
    {74, -24, ROAD},  {72, -46, ROAD},  {54, -58, ROAD},  {34, -52, ROAD},  {18, -39, ROAD}, /* third, downhill */
    {-2, -35, ROAD},  {-18, -46, ROAD}, {-34, -59, ROAD}, {-55, -60, ROAD}, {-71, -45, ROAD},
};

const CourseData course_mountain = {
    .name = "FROST PEAK",
    .points = points,
    .count = sizeof points / sizeof points[0],
    .theme =
        {
            .ground = {RGB(240, 244, 255), RGB(216, 228, 248)},
            .road = {RGB(136, 160, 200), RGB(128, 152, 192)},
            .kerb = {RGB(40, 96, 216), RGB(248, 248, 255)},
            .line = RGB(248, 252, 255),
            .wall = {RGB(96, 152, 224), RGB(176, 216, 248)},
            .wall_top = RGB(255, 255, 255),
            .sky_high = RGB(88, 136, 216),
            .sky_low = RGB(232, 216, 240),
            .hill_far = RGB(136, 144, 192),
            .hill_near = RGB(64, 104, 120),
            .cloud = RGB(255, 255, 255),
            .cloud_shade = RGB(224, 224, 248),
            .map = RGB(24, 48, 136),
            .dust = RGB(255, 255, 255),
            .landscape = LANDSCAPE_PEAKS,
            .decor = {DECOR_SNOWY_FIR, DECOR_SNOWY_FIR},
            .density = 140,
            .grip = 50,
            .seed = 31,
        },
};
