/* The rules of racing: grid, laps, wrong way, pause, finish. */
#include "race.h"

#define GRID_FRONT FIX(-6.0)  /* position of the first kart, relative to the line */
#define WRONG_WAY_ERROR 20480 /* 112 degrees */
#define RIGHT_WAY_ERROR 16384 /* 90 degrees: below this the warning ends */
#define WRONG_WAY_PATIENCE 20 /* VIs */
#define RESULTS_TIME 30       /* least VIs of the results */

/* Place all karts on the grid. Its front is before the line. If the race begins elsewhere, the player is exactly there.
 */
static void line_up(Game *game) {
    int32_t percent = game->menu.value[ROW_START];
    fix back = (game->karts - 1) * GRID_STEP, front = GRID_FRONT;
    if (percent) front = mul_shift(course_length(&game->course), percent * 41943, 22) + back; /* 2^22 / 100 */
    kart_place(&game->kart, &game->course, front - back, -GRID_LATERAL);
    if (front != GRID_FRONT || back) /* the place may be in a bend, where the course turns within the cell */
        game->kart.heading -= (uint32_t)kart_heading_error(&game->kart) << 16;
    if (game->karts > 1) rivals_place(game->rivals, &game->course, front, game->menu.value[ROW_LEVEL]);
}

/* Move the CPU karts, and update the player's place until the player has finished. */
static void step_rivals(Game *game) {
    if (game->karts == 1) return;
    rivals_step(game->rivals, &game->course, &game->kart, game->menu.value[ROW_LAPS] * FIX_ONE);
    if (!game->finished) game->place = rivals_place_of(game->rivals, &game->course, &game->kart);
}

void race_begin(Game *game) {
    game->paused = game->finished = game->wrong_way = game->wrong_way_time = 0;
    game->laps_done = 0;
    game->karts = game->place = game->menu.value[ROW_MODE] == MODE_GRAND_PRIX ? KARTS : 1;
    game->race_time = game->lap_start = 0;
    for (int i = 0; i < MAX_LAPS; i++) game->lap_times[i] = 0;
    line_up(game);
    camera_behind(&game->camera, &game->kart);
    game_enter(STAGE_COUNTDOWN);
}

static void watch_direction(Game *game) {
    int32_t error = iabs(kart_heading_error(&game->kart));
    if (error > WRONG_WAY_ERROR) {
        if (game->wrong_way_time < WRONG_WAY_PATIENCE) game->wrong_way_time++;
        if (game->wrong_way_time == WRONG_WAY_PATIENCE) game->wrong_way = 1;
    } else if (error < RIGHT_WAY_ERROR) {
        game->wrong_way = game->wrong_way_time = 0;
    }
}

static void count_laps(Game *game) {
    int32_t laps = kart_progress(&game->kart, &game->course) >> 16;
    if (laps <= game->laps_done) return; /* crossing the line backwards and forwards again must not count as a lap */
    uint32_t time = game->race_time - game->lap_start;
    int is_whole = game->laps_done > 0 || game->menu.value[ROW_START] == 0;
    game->lap_times[game->laps_done] = time;
    game->lap_start = game->race_time;
    if (is_whole) game_lap_driven(game, time);
    if (++game->laps_done < game->menu.value[ROW_LAPS]) return;
    game->finished = 1;
    game_enter(STAGE_RESULTS);
}

void race_step(Game *game) {
    if (game->pressed & PAD_START) game->paused = !game->paused;
    if (game->paused) {
        if (game->pressed & PAD_Z) {
            game->paused = 0;
            game_enter(STAGE_SELECT);
        }
        return;
    }
    game->race_time++;
    kart_step(&game->kart, &game->course, game->pad);
    step_rivals(game);
    watch_direction(game);
    count_laps(game);
    camera_follow(&game->camera, &game->kart);
}

/* The karts slow down while the times are shown. */
void race_results(Game *game) {
    Pad nobody = {0, 0, 0};
    kart_step(&game->kart, &game->course, nobody);
    step_rivals(game);
    camera_circle(&game->camera, &game->kart, game->stage_time);
    if ((game->pressed & PAD_A) && game->stage_time > RESULTS_TIME) game_enter(STAGE_SELECT);
}
