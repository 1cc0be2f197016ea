/* The whole state of the game and the one function that advances it. */
#ifndef OPENKART_GAME_H
#define OPENKART_GAME_H

#include "camera.h"
#include "course.h"
#include "kart.h"
#include "menu.h"
#include "rivals.h"

enum Stage { STAGE_BOOT, STAGE_TITLE, STAGE_SELECT, STAGE_COUNTDOWN, STAGE_RACE, STAGE_RESULTS };

#define COUNTDOWN_TIME 150 /* VIs: three red lamps, 40 each, then 30 of all red; green is the race's first moment */
#define GREEN_TIME 60      /* VIs that the green lamps stay on */

typedef struct Game {
    enum Stage stage;
    uint32_t stage_time; /* VIs in this stage */
    uint32_t vis, reads, frames;
    int32_t paused, finished, wrong_way, wrong_way_time;
    int32_t course_id, seed, mirrored; /* of `course`; the seed is the last generated one's */
    int32_t laps_done;
    int32_t karts, place; /* in the race, the player's included; the player's */
    uint32_t race_time, lap_times[MAX_LAPS], lap_start;
    uint32_t best_laps[2][COURSES]; /* of this session, as they are and mirrored, VIs; 0 = none yet */
    Pad pad;
    uint16_t pressed; /* buttons that went down in this VI */
    Menu menu;
    Kart kart;            /* the player's */
    Rival rivals[RIVALS]; /* raced against if karts > 1 */
    Camera camera;
    Course course;
} Game;

extern Game the_game;

/* Make all tables and show the title. Once, before the first VI. */
void game_start(void);

/* Advance by one VI with this pad, write telemetry, and draw every second time. */
void game_vi(Pad pad, uint32_t *telemetry);

/* Go to a stage. */
void game_enter(enum Stage stage);

/* Is `course` the one that is chosen in the menu? */
int game_course_ready(const Game *game);

/* The best lap of this session on `course` as it lies there, VIs; 0 = none yet. */
uint32_t game_best_lap(const Game *game);

/* A whole lap has been driven on `course`: keep its time if it is the best. */
void game_lap_driven(Game *game, uint32_t time);

/* Make what the chosen race needs and is not there yet: the course, the CPU karts' pictures. */
void game_prepare(void);

#endif
