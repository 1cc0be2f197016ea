/* The stages - title, course select, countdown, race, results - and what each VI does in them. */
#include "game.h"

#include "ground.h"
#include "hud.h"
#include "kartmodel.h"
#include "raster.h"
#include "scene.h"
#include "screens.h"
#include "sky.h"
#include "telemetry.h"
#include "trees.h"

#define GRID_METRES FIX(-6.0)  /* the kart waits this far before the line ... */
#define GRID_LATERAL FIX(-1.6) /* ... left of the middle */
#define WRONG_WAY_ERROR 20480  /* 112 degrees */
#define RIGHT_WAY_ERROR 16384  /* 90 degrees: below this the warning ends */
#define WRONG_WAY_PATIENCE 20  /* VIs */
#define STICK_PRESS 40         /* stick as a menu's direction */

Game the_game;

static void enter(enum Stage stage) {
    the_game.stage = stage;
    the_game.stage_time = 0;
}

static void load_course(int id) {
    the_game.course_id = id;
    course_build(&the_game.course, course_list[id]);
    sky_build(&course_list[id]->theme);
}

void game_start(void) {
    fixed_start();
    kartmodel_bake();
    trees_bake();
    load_course(0);
    enter(STAGE_TITLE);
    kart_place(&the_game.kart, &the_game.course, GRID_METRES, GRID_LATERAL);
    camera_orbit(&the_game.camera, &the_game.course, 0);
}

static void new_race(void) {
    the_game.paused = the_game.finished = the_game.wrong_way = the_game.wrong_way_time = 0;
    the_game.laps_done = 0;
    the_game.race_time = the_game.lap_start = 0;
    for (int i = 0; i < RACE_LAPS; i++) the_game.lap_times[i] = 0;
    kart_place(&the_game.kart, &the_game.course, GRID_METRES, GRID_LATERAL);
    camera_behind(&the_game.camera, &the_game.kart);
    enter(STAGE_COUNTDOWN);
}

static void watch_direction(void) {
    int32_t error = iabs(kart_heading_error(&the_game.kart));
    if (error > WRONG_WAY_ERROR) {
        if (the_game.wrong_way_time < WRONG_WAY_PATIENCE) the_game.wrong_way_time++;
        if (the_game.wrong_way_time == WRONG_WAY_PATIENCE) the_game.wrong_way = 1;
    } else if (error < RIGHT_WAY_ERROR) {
        the_game.wrong_way = the_game.wrong_way_time = 0;
    }
}

static void count_laps(void) {
    int32_t laps = kart_progress(&the_game.kart, &the_game.course) >> 16;
    if (laps <= the_game.laps_done) return; /* backwards over the line and forwards again is no new lap */
    uint32_t time = the_game.race_time - the_game.lap_start;
    the_game.lap_times[the_game.laps_done] = time;
    the_game.lap_start = the_game.race_time;
    if (the_game.best_lap == 0 || time < the_game.best_lap) the_game.best_lap = time;
    if (++the_game.laps_done < RACE_LAPS) return;
    the_game.finished = 1;
    enter(STAGE_RESULTS);
}

static void race(void) {
    if (the_game.pressed & PAD_START) the_game.paused = !the_game.paused;
    if (the_game.paused) {
        if (the_game.pressed & PAD_Z) {
            the_game.paused = 0;
            enter(STAGE_SELECT);
        }
        return;
    }
    the_game.race_time++;
    kart_step(&the_game.kart, &the_game.course, the_game.pad);
    watch_direction();
    count_laps();
    camera_follow(&the_game.camera, &the_game.kart);
}

static void choose_course(void) {
    int32_t stick = the_game.pad.y > STICK_PRESS ? -1 : the_game.pad.y < -STICK_PRESS ? 1 : 0;
    int32_t id = the_game.course_id + (the_game.stick_was == 0 ? stick : 0);
    the_game.stick_was = stick;
    if (id < 0) id = course_list_count - 1;
    if (id >= course_list_count) id = 0;
    if (id != the_game.course_id) load_course((int)id);
    camera_orbit(&the_game.camera, &the_game.course, the_game.stage_time);
    if (the_game.pressed & PAD_A)
        new_race();
    else if (the_game.pressed & PAD_B)
        enter(STAGE_TITLE);
}

/* The kart rolls out by itself while the times are shown. */
static void results(void) {
    Pad nobody = {0, 0, 0};
    kart_step(&the_game.kart, &the_game.course, nobody);
    camera_circle(&the_game.camera, &the_game.kart, the_game.stage_time);
    if ((the_game.pressed & PAD_A) && the_game.stage_time > 30) enter(STAGE_SELECT);
}

static void advance(void) {
    the_game.stage_time++;
    switch (the_game.stage) {
        case STAGE_BOOT:
            break;
        case STAGE_TITLE:
            camera_orbit(&the_game.camera, &the_game.course, the_game.stage_time);
            if (the_game.pressed & (PAD_START | PAD_A)) enter(STAGE_SELECT);
            break;
        case STAGE_SELECT:
            choose_course();
            break;
        case STAGE_COUNTDOWN:
            camera_follow(&the_game.camera, &the_game.kart);
            if (the_game.stage_time >= COUNTDOWN_TIME) enter(STAGE_RACE);
            break;
        case STAGE_RACE:
            race();
            break;
        case STAGE_RESULTS:
            results();
            break;
    }
}

static void draw(void) {
    int with_kart = the_game.stage >= STAGE_COUNTDOWN;
    raster_begin();
    sky_draw(&the_game.camera);
    ground_draw(&the_game.camera, &the_game.course);
    scene_draw(&the_game.camera, &the_game.course, with_kart ? &the_game.kart : 0);
    if (with_kart) hud_draw(&the_game);
    screens_draw(&the_game);
    raster_finish();
    the_game.frames++;
}

void game_vi(Pad pad, uint32_t *telemetry) {
    the_game.pressed = (uint16_t)(pad.buttons & ~the_game.pad.buttons);
    the_game.pad = pad;
    the_game.vis++;
    the_game.reads++;
    advance();
    if (the_game.vis & 1) draw();
    telemetry_write(&the_game, telemetry);
}
