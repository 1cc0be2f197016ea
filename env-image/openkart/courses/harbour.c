/* Harbour Night: a street circuit of right angles; the walls stand at the roadside. */
#include "courses.h"

#define ROAD 46, 54, 54 /* 9.2 m of street, walls 5.4 m from its middle */

static const ControlPoint points[] = {
    {-60, -28, ROAD}, {-60, -15, ROAD}, {-60, -2, ROAD},  {-60, 10, ROAD},  {-60, 23, ROAD},  {-60, 36, ROAD},
    {-57, 42, ROAD},  {-51, 45, ROAD},  {-40, 45, ROAD},  {-29, 45, ROAD},  {-23, 42, ROAD},  {-20, 36, ROAD},
    {-20, 24, ROAD},  {-20, 11, ROAD},  {-17, 5, ROAD},   {-11, 2, ROAD},   {0, 2, ROAD},     {11, 2, ROAD},
    {17, 5, ROAD},    {20, 11, ROAD},   {20, 24, ROAD},   {20, 36, ROAD},   {23, 42, ROAD},   {29, 45, ROAD},
    {41, 45, ROAD},   {53, 45, ROAD},   {59, 42, ROAD},   {62, 36, ROAD},   {62, 23, ROAD},   {62, 10, ROAD},
    {62, -2, ROAD},   {62, -15, ROAD},  {62, -28, ROAD},  {62, -41, ROAD},  {59, -47, ROAD},  {53, -50, ROAD},
    {41, -50, ROAD},  {29, -50, ROAD},  {23, -47, ROAD},  {20, -41, ROAD},  {20, -33, ROAD},  {17, -27, ROAD},
    {11, -24, ROAD},  {0, -24, ROAD},   {-11, -24, ROAD}, {-17, -27, ROAD}, {-20, -33, ROAD}, {-20, -41, ROAD},
    {-23, -47, ROAD}, {-29, -50, ROAD}, {-40, -50, ROAD}, {-51, -50, ROAD}, {-57, -47, ROAD}, {-60, -41, ROAD},
};

const CourseData course_harbour = {
    .name = "HARBOUR NIGHT",
    .points = points,
    .count = sizeof points / sizeof points[0],
    .theme =
        {
            .ground = {RGB(40, 40, 72), RGB(32, 32, 60)},
            .road = {RGB(72, 72, 96), RGB(64, 64, 88)},
            .kerb = {RGB(248, 208, 32), RGB(32, 32, 40)},
            .line = RGB(248, 216, 96),
            .wall = {RGB(232, 64, 144), RGB(56, 200, 232)},
            .wall_top = RGB(240, 240, 255),
            .sky_high = RGB(16, 16, 56),
            .sky_low = RGB(120, 56, 136),
            .hill_far = RGB(40, 32, 88),
            .hill_near = RGB(24, 20, 56),
            .cloud = RGB(255, 240, 176),
            .cloud_shade = RGB(136, 216, 255),
            .map = RGB(255, 255, 255),
            .dust = RGB(128, 128, 152),
            .landscape = LANDSCAPE_SKYLINE,
            .decor = {DECOR_LAMP, DECOR_BUILDING},
            .density = 150,
            .grip = 100,
            .seed = 12,
        },
};
