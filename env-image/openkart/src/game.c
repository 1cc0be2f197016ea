/* The stages - title, course select, countdown, race, results - and what each VI does in them. */
#include "game.h"

#include "generator.h"
#include "ground.h"
#include "hud.h"
#include "kartmodel.h"
#include "race.h"
#include "raster.h"
#include "scene.h"
#include "screens.h"
#include "sky.h"
#include "telemetry.h"
#include "decor.h"

#define REST_TIME 12 /* VIs without a change of the choice before the course is built */

Game the_game;

void game_enter(enum Stage stage) {
    the_game.stage = stage;
    the_game.stage_time = 0;
    if (stage == STAGE_SELECT) menu_enter(&the_game.menu);
}

int game_course_ready(const Game *game) {
    const int32_t *chosen = game->menu.value;
    return game->course_id == chosen[ROW_COURSE] && game->mirrored == chosen[ROW_MIRROR] &&
           (game->course_id != COURSE_GENERATED || game->seed == chosen[ROW_SEED]);
}

static uint32_t *best_lap(Game *game) { return &game->best_laps[game->mirrored][game->course_id]; }

uint32_t game_best_lap(const Game *game) { return *best_lap((Game *)game); }

void game_lap_driven(Game *game, uint32_t time) {
    uint32_t *best = best_lap(game);
    if (*best == 0 || time < *best) *best = time;
}

static void build_course(void) {
    const int32_t *chosen = the_game.menu.value;
    the_game.course_id = chosen[ROW_COURSE];
    if (the_game.course_id == COURSE_GENERATED) {
        if (the_game.seed != chosen[ROW_SEED]) /* the best laps belong to another course */
            the_game.best_laps[0][COURSE_GENERATED] = the_game.best_laps[1][COURSE_GENERATED] = 0;
        the_game.seed = chosen[ROW_SEED];
        generator_build(&the_game.course, the_game.seed);
    } else {
        course_build(&the_game.course, course_list[the_game.course_id]);
    }
    the_game.mirrored = chosen[ROW_MIRROR];
    if (the_game.mirrored) course_mirror(&the_game.course);
    sky_build(&the_game.course.data->theme);
}

void game_prepare(void) {
    if (!game_course_ready(&the_game)) build_course();
    if (the_game.menu.value[ROW_MODE] == MODE_GRAND_PRIX) kartmodel_paint_rivals();
}

void game_start(void) {
    fixed_start();
    kartmodel_bake();
    decor_bake();
    menu_start(&the_game.menu);
    build_course();
    race_begin(&the_game); /* so that telemetry shows the kart on the grid */
    game_enter(STAGE_TITLE);
    camera_orbit(&the_game.camera, &the_game.course, 0);
}

static void select_race(void) {
    menu_step(&the_game.menu, the_game.pad);
    if (the_game.menu.rested == REST_TIME || (the_game.pressed & PAD_A)) game_prepare();
    camera_orbit(&the_game.camera, &the_game.course, the_game.stage_time);
    if (the_game.pressed & PAD_A)
        race_begin(&the_game);
    else if (the_game.pressed & PAD_B)
        game_enter(STAGE_TITLE);
}

static void advance(void) {
    the_game.stage_time++;
    switch (the_game.stage) {
        case STAGE_BOOT:
            break;
        case STAGE_TITLE:
            camera_orbit(&the_game.camera, &the_game.course, the_game.stage_time);
            if (the_game.pressed & (PAD_START | PAD_A)) game_enter(STAGE_SELECT);
            break;
        case STAGE_SELECT:
            select_race();
            break;
        case STAGE_COUNTDOWN:
            camera_follow(&the_game.camera, &the_game.kart);
            if (the_game.stage_time >= COUNTDOWN_TIME) game_enter(STAGE_RACE);
            break;
        case STAGE_RACE:
            race_step(&the_game);
            break;
        case STAGE_RESULTS:
            race_results(&the_game);
            break;
    }
}

static void draw(void) {
    int with_karts = the_game.stage >= STAGE_COUNTDOWN;
    raster_begin();
    sky_draw(&the_game.camera);
    ground_draw(&the_game.camera, &the_game.course);
    scene_draw(&the_game.camera, &the_game.course, with_karts ? &the_game : 0);
    if (with_karts) hud_draw(&the_game);
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
    if ((the_game.vis & 1) && the_game.vis >= telemetry[TM_DRAW_FROM]) draw();
    telemetry_write(&the_game, telemetry);
}
