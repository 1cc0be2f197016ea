/* The whole state of the game and the one function that advances it. */
#ifndef OPENKART_GAME_H
#define OPENKART_GAME_H

#include "camera.h"
#include "course.h"
#include "kart.h"
#include "menu.h"
#include "rivals.h"

enum Stage { STAGE_BOOT, STAGE_TITLE, STAGE_SELECT, STAGE_COUNTDOWN, STAGE_RACE, STAGE_RESULTS };

#define COUNTDOWN_TIME 150 /* VIs: 40 for each of three red lamps, then 30 with all red; the race begins with green */
#define GREEN_TIME 60      /* VIs that the green lamps stay on */

typedef struct Game {
    enum Stage stage;
    uint32_t stage_time; /* VIs in this stage */
    uint32_t vis, reads, frames;
    int32_t paused, finished, wrong_way, wrong_way_time;
    int32_t course_id, seed, mirrored; /* of `course`; `seed` belongs to the last generated course */
    int32_t laps_done;
    int32_t karts, place; /* karts in the race, with the player's; the player's place */
    uint32_t race_time, lap_times[MAX_LAPS], lap_start;
    uint32_t best_laps[2][COURSES]; /* of this session, VIs, [mirrored][course]; 0 = none yet */
    Pad pad;
    uint16_t pressed; /* buttons that went down in this VI */
    Menu menu;
    Kart kart;            /* the player's */
    Rival rivals[RIVALS]; /* in the race if karts > 1 */
    Camera camera;
    Course course;
} Game;

extern Game the_game;

/* Make all tables and show the title. Call it once, before the first VI. */
void game_start(void);

/* Advance by one VI with this pad, write telemetry, and draw every second time. */
void game_vi(Pad pad, uint32_t *telemetry);

/* Go to a stage. */
void game_enter(enum Stage stage);

/* Returns whether `course` is the course that is chosen in the menu. */
int game_course_ready(const Game *game);

/* The best lap of this session on `course`, mirrored or not as it is now, VIs; 0 = none yet. */
uint32_t game_best_lap(const Game *game);

/* Keep the time of a whole lap on `course` if it is the best. */
void game_lap_driven(Game *game, uint32_t time);

/* Build what the chosen race needs, unless it is already built: the course and the CPU karts' pictures. */
void game_prepare(void);

#endif
