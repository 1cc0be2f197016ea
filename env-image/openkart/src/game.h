/* The whole state of the game and the one function that advances it. */
#ifndef OPENKART_GAME_H
#define OPENKART_GAME_H

#include "camera.h"
#include "course.h"
#include "kart.h"

enum Stage { STAGE_BOOT, STAGE_TITLE, STAGE_SELECT, STAGE_COUNTDOWN, STAGE_RACE, STAGE_RESULTS };

#define RACE_LAPS 3
#define COUNTDOWN_TIME 150 /* VIs: three red lamps, 40 each, then 30 of all red; green is the race's first moment */
#define GREEN_TIME 60      /* VIs that the green lamps stay on */

typedef struct Game {
    enum Stage stage;
    uint32_t stage_time; /* VIs in this stage */
    uint32_t vis, reads, frames;
    int32_t paused, finished, wrong_way, wrong_way_time;
    int32_t course_id, laps_done;
    uint32_t race_time, lap_times[RACE_LAPS], lap_start;
    uint32_t best_lap; /* of this session, VIs; 0 = none yet */
    Pad pad;
    uint16_t pressed; /* buttons that went down in this VI */
    int32_t stick_was; /* the menu direction of the VI before: -1 up, 1 down */
    Kart kart;
    Camera camera;
    Course course;
} Game;

extern Game the_game;

/* Make all tables and show the title. Once, before the first VI. */
void game_start(void);

/* Advance by one VI with this pad, write telemetry, and draw every second time. */
void game_vi(Pad pad, uint32_t *telemetry);

#endif
