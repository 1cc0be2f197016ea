/* Meadow Ring: start straight, a fast right, a chicane, a right into the hairpin, and a long sweep home. */
#include "courses.h"

#define ROAD 48, 105, 105 /* 9.6 m of road, walls 10.5 m from the centre line */

static const ControlPoint points[] = {
    {-62, -20, ROAD},                                                                        /* the line */
    {-62, 4, ROAD},   {-62, 28, ROAD}, {-56, 46, ROAD},  {-40, 55, ROAD},  {-20, 56, ROAD},  /* fast right */
    {-4, 53, ROAD},   {10, 46, ROAD},  {25, 45, ROAD},   {38, 53, ROAD},   {54, 56, ROAD},   /* chicane */
    {70, 50, ROAD},   {77, 36, ROAD},  {72, 22, ROAD},   {58, 15, ROAD},   {38, 14, ROAD},   /* right, back west */
    {12, 13, ROAD},   {-10, 12, ROAD}, {-22, 5, ROAD},   {-23, -7, ROAD},  {-12, -14, ROAD}, /* hairpin left */
    {12, -15, ROAD},  {38, -17, ROAD}, {58, -22, ROAD},  {68, -36, ROAD},  {58, -51, ROAD},  /* right again */
    {38, -55, ROAD},  {10, -52, ROAD}, {-18, -55, ROAD}, {-42, -57, ROAD}, {-58, -46, ROAD},
};

const CourseData course_meadow = {
    .name = "MEADOW RING",
    .points = points,
    .count = sizeof points / sizeof points[0],
    .theme =
        {
            .ground = {RGB(72, 168, 56), RGB(56, 144, 48)},
            .road = {RGB(112, 112, 120), RGB(104, 104, 112)},
            .kerb = {RGB(216, 40, 40), RGB(240, 240, 240)},
            .line = RGB(240, 240, 240),
            .wall = {RGB(232, 232, 240), RGB(40, 88, 200)},
            .wall_top = RGB(64, 64, 80),
            .sky_high = RGB(48, 112, 224),
            .sky_low = RGB(184, 224, 248),
            .hill_far = RGB(120, 152, 200),
            .hill_near = RGB(56, 120, 88),
            .cloud = RGB(255, 255, 255),
            .cloud_shade = RGB(208, 224, 240),
            .map = RGB(255, 255, 255),
            .dust = RGB(150, 112, 64),
            .landscape = LANDSCAPE_HILLS,
            .decor = {DECOR_FIR, DECOR_BROAD_LEAVED},
            .density = 125,
            .grip = 100,
            .seed = 64,
        },
};
