/* Writes the telemetry block. */
#include "telemetry.h"

#include <stddef.h>

#include "game.h"

/* m/VI s8.24 to km/h s16.16: times 60 * 3.6 = 216, with eight fraction bits fewer. */
static int32_t kilometres_per_hour(int32_t speed) { return mul_shift(speed, 216, 8); }

static void write_course(const Course *course, uint32_t *block) {
    KartLimits limits = kart_limits(course);
    block[TM_SAMPLES] = (uint32_t)(uintptr_t)course->samples;
    block[TM_SAMPLE_COUNT] = (uint32_t)course->count;
    block[TM_SAMPLE_BYTES] = sizeof(Sample);
    block[TM_SAMPLE_POSITION] = offsetof(Sample, x);
    block[TM_SAMPLE_TANGENT] = offsetof(Sample, tx);
    block[TM_SAMPLE_HALF] = offsetof(Sample, half);
    block[TM_SAMPLE_KERB] = offsetof(Sample, kerb);
    block[TM_SAMPLE_WALLS] = offsetof(Sample, left);
    block[TM_SPACING] = (uint32_t)course->spacing;
    block[TM_TOP_SPEED] = (uint32_t)limits.top_speed;
    block[TM_ENGINE] = (uint32_t)limits.engine;
    block[TM_BRAKES] = (uint32_t)limits.brakes;
    block[TM_TURNING] = (uint32_t)limits.turning;
    block[TM_GRIPPING] = (uint32_t)limits.gripping;
    block[TM_TIGHTEST] = (uint32_t)limits.tightest;
    block[TM_KART_RADIUS] = (uint32_t)limits.radius;
}

void telemetry_write(const struct Game *g, uint32_t *block) {
    const Kart *kart = &g->kart;
    const int32_t *chosen = g->menu.value;
    int32_t heading_error = kart_heading_error(kart), here = (int32_t)(kart->heading >> 16) - heading_error;
    fix progress = kart_progress(kart, &g->course);
    fix half = kart->place.half >> 9; /* `half` has 7 fraction bits and lateral gets 7 more, so the quotient has 16 */
    block[TM_MAGIC] = TELEMETRY_MAGIC;
    block[TM_VERSION] = TELEMETRY_VERSION;
    block[TM_STAGE] = (uint32_t)g->stage;
    block[TM_PAUSED] = (uint32_t)g->paused;
    block[TM_COURSE] = (uint32_t)chosen[ROW_COURSE];
    block[TM_LAPS] = chosen[ROW_LAPS];
    block[TM_LAPS_DONE] = (uint32_t)g->laps_done;
    block[TM_LAP_PROGRESS] = (uint32_t)(progress - g->laps_done * FIX_ONE);
    block[TM_RACE_PROGRESS] = (uint32_t)progress;
    block[TM_SPEED] = (uint32_t)kilometres_per_hour(kart->speed);
    block[TM_X] = (uint32_t)kart->x;
    block[TM_Y] = (uint32_t)kart->y;
    block[TM_Z] = (uint32_t)kart->z;
    block[TM_HEADING] = kart->heading >> 16;
    block[TM_OFF_ROAD] = (uint32_t)kart->off_road;
    block[TM_WRONG_WAY] = (uint32_t)g->wrong_way;
    block[TM_FINISHED] = (uint32_t)g->finished;
    block[TM_RACE_TIME] = g->race_time;
    block[TM_LAP_TIME_1] = g->lap_times[0];
    block[TM_LAP_TIME_2] = g->lap_times[1];
    block[TM_LAP_TIME_3] = g->lap_times[2];
    block[TM_FRAMES] = g->frames;
    block[TM_VIS] = g->vis;
    block[TM_WALL_HITS] = (uint32_t)kart->wall_hits;
    block[TM_DRIFTING] = (uint32_t)(kart->drift != 0);
    block[TM_LATERAL] = (uint32_t)(half > 0 ? clamp(kart->place.lateral, -FIX(100), FIX(100)) * 128 / half : 0);
    block[TM_HEADING_ERROR] = (uint32_t)heading_error;
    block[TM_READS] = g->reads;
    block[TM_MODE] = (uint32_t)chosen[ROW_MODE];
    block[TM_SEED] = (uint32_t)chosen[ROW_SEED];
    block[TM_LEVEL] = (uint32_t)chosen[ROW_LEVEL];
    block[TM_KARTS] = (uint32_t)g->karts;
    block[TM_PLACE] = (uint32_t)g->place;
    block[TM_START] = (uint32_t)chosen[ROW_START];
    block[TM_MENU_ROW] = (uint32_t)g->menu.row;
    block[TM_KART_HITS] = (uint32_t)kart->kart_hits;
    for (int i = 1; i <= 6; i++)
        block[TM_AHEAD_1 + i - 1] =
            (uint32_t)(int16_t)(course_heading_ahead(&g->course, &kart->place, i * g->course.cells) - here);
    block[TM_LAP_METRES] = (uint32_t)course_length(&g->course);
    block[TM_HALF_WIDTH] = (uint32_t)kart->place.half;
    for (int i = 0; i < RIVALS; i++)
        block[TM_RIVAL_1 + i] = g->karts > 1 ? (uint32_t)kart_progress(&g->rivals[i].kart, &g->course) : 0;
    block[TM_MIRROR] = (uint32_t)chosen[ROW_MIRROR];
    block[TM_COURSE_READY] = (uint32_t)game_course_ready(g);
    write_course(&g->course, block);
}
