/* Dune Speedway: a wide oval of long sweeps, nearly flat out all the way round, with esses on both of its long sides.
 */
#include "courses.h"

#define ROAD 72, 120, 120 /* 14.4 m of road, walls 12 m from the centre line */

static const ControlPoint points[] = {
    {-108, -34, ROAD},                                                                           /* the line */
    {-110, -8, ROAD},  {-107, 18, ROAD},  {-95, 44, ROAD},   {-72, 60, ROAD},  {-45, 62, ROAD},  /* long right */
    {-20, 52, ROAD},   {3, 39, ROAD},     {28, 35, ROAD},    {52, 44, ROAD},   {76, 56, ROAD},   /* esses */
    {101, 54, ROAD},   {119, 37, ROAD},   {123, 12, ROAD},   {111, -10, ROAD}, {89, -21, ROAD},  /* right */
    {64, -21, ROAD},   {40, -11, ROAD},   {16, -4, ROAD},    {-8, -9, ROAD},   {-24, -27, ROAD}, /* infield left */
    {-20, -50, ROAD},  {0, -64, ROAD},    {25, -64, ROAD},   {50, -59, ROAD},  {75, -60, ROAD},  {96, -71, ROAD},
    {100, -92, ROAD},  {84, -106, ROAD},  {59, -108, ROAD},  {33, -105, ROAD}, /* back west */
    {7, -103, ROAD},   {-19, -105, ROAD}, {-45, -104, ROAD}, {-70, -97, ROAD}, {-91, -83, ROAD}, {-103, -60, ROAD},
};

const CourseData course_desert = {
    .name = "DUNE SPEEDWAY",
    .points = points,
    .count = sizeof points / sizeof points[0],
    .theme =
        {
            .ground = {RGB(232, 192, 120), RGB(216, 172, 100)},
            .road = {RGB(152, 112, 96), RGB(144, 104, 88)},
            .kerb = {RGB(240, 128, 24), RGB(248, 240, 208)},
            .line = RGB(248, 232, 176),
            .wall = {RGB(200, 88, 56), RGB(240, 216, 152)},
            .wall_top = RGB(120, 56, 40),
            .sky_high = RGB(56, 128, 208),
            .sky_low = RGB(255, 216, 152),
            .hill_far = RGB(192, 96, 64),
            .hill_near = RGB(208, 144, 88),
            .cloud = RGB(255, 248, 232),
            .cloud_shade = RGB(248, 216, 176),
            .map = RGB(255, 255, 255),
            .dust = RGB(248, 216, 144),
            .landscape = LANDSCAPE_MESAS,
            .decor = {DECOR_CACTUS, DECOR_ROCK},
            .density = 90,
            .grip = 100,
            .seed = 7,
        },
};
