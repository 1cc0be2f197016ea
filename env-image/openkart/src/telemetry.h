/* The telemetry block: 80 big-endian words of 32 bits at RDRAM 0x400 (KSEG0 0x80000400). The game rewrites it at every
 * controller read, which is every VI except those in which a course is built. Words 0 to 63 are the state of the game.
 * Words 64 to 79 are the course's address and format in memory, and the limits of a kart on it.
 *
 * This is the interface for programs that observe the game from outside (n64gym). A word's meaning does not change
 * while TM_VERSION stays the same. New words take reserved places. Units: s16.16 = signed fixed point, 65536 = 1; VI =
 * 1/60 s; one course unit = 1 metre; a turn has 65536 angle units, clockwise seen from above, 0 = +z.
 */
#ifndef OPENKART_TELEMETRY_H
#define OPENKART_TELEMETRY_H

#include <stdint.h>

#define TELEMETRY_MAGIC 0x4F4B5254u /* "OKRT" */
#define TELEMETRY_VERSION 3
#define TELEMETRY_WORDS 80

enum TelemetryWord {
    TM_MAGIC = 0,         /* TELEMETRY_MAGIC; 0 until the game has started */
    TM_VERSION = 1,       /* TELEMETRY_VERSION */
    TM_STAGE = 2,         /* enum Stage: 0 boot, 1 title, 2 course select, 3 countdown, 4 race, 5 results */
    TM_PAUSED = 3,        /* 1 while a race is paused */
    TM_COURSE = 4,        /* index of the course, 0..4; 4 is generated from TM_SEED */
    TM_LAPS = 5,          /* laps in the race, 1..3 */
    TM_LAPS_DONE = 6,     /* laps completed, 0..TM_LAPS; never falls within a race */
    TM_LAP_PROGRESS = 7,  /* s16.16 race progress - laps completed: [0,1), slightly negative before the line */
    TM_RACE_PROGRESS = 8, /* s16.16 laps along the centre line since the start line; falls when driving backwards */
    TM_SPEED = 9,         /* s16.16 km/h along the kart's nose, negative in reverse; the HUD shows its magnitude */
    TM_X = 10,            /* s16.16 metres */
    TM_Y = 11,            /* s16.16 metres above the ground (a hop) */
    TM_Z = 12,            /* s16.16 metres */
    TM_HEADING = 13,      /* 0..65535 */
    TM_OFF_ROAD = 14,     /* 1 while the kart's centre is on the ground beyond road and kerb */
    TM_WRONG_WAY = 15,    /* 1 while pointing against the course for more than 1/3 s */
    TM_FINISHED = 16,     /* 1 from the last lap's end until a new race begins */
    TM_RACE_TIME = 17,    /* VIs raced; counts from the first VI of stage 4, stops while paused and after the finish */
    TM_LAP_TIME_1 = 18,   /* VIs, 0 = not yet driven; the first is a partial lap if the race began at TM_START > 0 */
    TM_LAP_TIME_2 = 19,
    TM_LAP_TIME_3 = 20,
    TM_FRAMES = 21,        /* pictures drawn since boot */
    TM_VIS = 22,           /* steps of the game since boot: VIs in which the controller was read */
    TM_WALL_HITS = 23,     /* collisions with a wall in this race */
    TM_DRIFTING = 24,      /* 1 while drifting */
    TM_LATERAL = 25,       /* s16.16 offset from the centre line: -1 left edge of the road, +1 right edge */
    TM_HEADING_ERROR = 26, /* s16 (sign-extended) kart's heading - course's heading */
    TM_READS = 27,         /* controller reads since boot */
    TM_MODE = 28,          /* 0 time trial, 1 grand prix */
    TM_SEED = 29,          /* of the generated course, 0..9999 */
    TM_LEVEL = 30,         /* of the CPU karts: 0 easy, 1 medium, 2 hard */
    TM_KARTS = 31,         /* karts in the race, the player's included: 1 in a time trial */
    TM_PLACE = 32,         /* the player's place, 1..TM_KARTS; does not change after the finish */
    TM_START = 33,         /* where the race begins, percent of a lap, 0..99 */
    TM_MENU_ROW = 34,      /* the course select's cursor: 0 mode, 1 course, 2 seed, 3 level, 4 laps, 5 start, 6 mirror */
    TM_KART_HITS = 35,     /* collisions with other karts in this race */
    TM_AHEAD_1 = 36,       /* s16 (sign-extended) course's heading 10 m ahead - course's heading here */
    TM_AHEAD_2 = 37,       /* 20 m */
    TM_AHEAD_3 = 38,       /* 30 m */
    TM_AHEAD_4 = 39,       /* 40 m */
    TM_AHEAD_5 = 40,       /* 50 m */
    TM_AHEAD_6 = 41,       /* 60 m */
    TM_LAP_METRES = 42,    /* s16.16 length of the centre line */
    TM_HALF_WIDTH = 43,    /* s16.16 metres from the centre line to the edge of the road, here */
    TM_COURSE_READY = 44,  /* 1 if the course in memory is that of TM_COURSE, TM_SEED, TM_MIRROR */
    TM_RIVAL_1 = 45,       /* s16.16 race progress of the CPU karts; 0 for a kart that is not in the race */
    TM_RIVAL_2 = 46,
    TM_RIVAL_3 = 47,
    TM_RIVAL_4 = 48,
    TM_RIVAL_5 = 49,
    TM_RIVAL_6 = 50,
    TM_RIVAL_7 = 51,
    TM_MIRROR = 52,    /* 1 if left and right are swapped on the course */
    TM_RESERVED = 53,  /* 53..62: 0 */
    TM_DRAW_FROM = 63, /* the only word that the outside writes and the game reads: the game does not draw pictures
                          before this TM_VIS; 0 = it draws all pictures */

    /* The centre line is sampled at equal distances, in driving order, the first sample on the start line. Offsets count
     * bytes from the beginning of a sample. Vectors are s1.14: 16384 = 1. Widths are s8.8 metres: 256 = 1 m. */
    TM_SAMPLES = 64,         /* address of the first sample, KSEG0; not valid in the host build of the game */
    TM_SAMPLE_COUNT = 65,    /* of one lap */
    TM_SAMPLE_BYTES = 66,    /* from one sample to the next */
    TM_SAMPLE_POSITION = 67, /* offset of s16.16 x, s16.16 z: metres */
    TM_SAMPLE_TANGENT = 68,  /* offset of s16 x, s16 z: unit vector forwards; (z, -x) points to the right */
    TM_SAMPLE_HALF = 69,     /* offset of s16: width from the centre line to the edge of the road */
    TM_SAMPLE_KERB = 70,     /* offset of s16: width of the kerb beyond it */
    TM_SAMPLE_WALLS = 71,    /* offset of s16 left, s16 right: widths from the centre line to the walls */
    TM_SPACING = 72,         /* s16.16 metres from one sample to the next */

    /* The limits of a kart on this course's road: s16.16, metres and seconds. */
    TM_TOP_SPEED = 73,   /* without a boost */
    TM_ENGINE = 74,      /* m/s2 at speed 0; falls towards top speed */
    TM_BRAKES = 75,      /* m/s2 */
    TM_TURNING = 76,     /* m/s2 across the nose that full lock reaches */
    TM_GRIPPING = 77,    /* m/s2 across the nose that the tyres hold */
    TM_TIGHTEST = 78,    /* least radius of a turn */
    TM_KART_RADIUS = 79, /* the kart's least distance from a wall */
};

/* The choices (TM_MODE, TM_COURSE, TM_SEED, TM_LEVEL, TM_LAPS, TM_START, TM_MIRROR) change at once with the course
 * select. After it, they do not change until the end of the race. */

struct Game;

/* Write all words of the block, from the game's state. */
void telemetry_write(const struct Game *game, uint32_t *block);

#endif
