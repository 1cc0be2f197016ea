/* Open Kart on the host: the same game behind a few C functions, for tests and for experiments with its physics
 * (ctypes).
 *
 * There is one game per process, as on the console. A step is one VI, and the given input is the sample of that VI.
 */
#include "game.h"
#include "generator.h"
#include "raster.h"
#include "telemetry.h"

#define EXPORT __attribute__((visibility("default")))

static uint32_t telemetry[TELEMETRY_WORDS];

EXPORT void ok_start(void);
EXPORT void ok_step(uint32_t buttons);
EXPORT const uint32_t *ok_telemetry(void);
EXPORT const Pixel *ok_frame(void);
EXPORT void ok_place(int32_t x, int32_t z, uint32_t heading);
EXPORT void ok_karts(int32_t *out);
EXPORT int ok_build(int course, int seed);
EXPORT int ok_samples(int32_t *out);

/* Power on. A second call resets the game. */
void ok_start(void) {
    __builtin_memset(&the_game, 0, sizeof the_game);
    __builtin_memset(telemetry, 0, sizeof telemetry);
    game_start();
}

/* One VI with mupen64plus' BUTTONS word: its four bytes, lowest first, are what the controller sends. */
void ok_step(uint32_t buttons) {
    Pad pad = {(uint16_t)((buttons & 255) << 8 | (buttons >> 8 & 255)), (int8_t)(buttons >> 16),
               (int8_t)(buttons >> 24)};
    game_vi(pad, telemetry);
}

/* The telemetry block's words, in host order. */
const uint32_t *ok_telemetry(void) { return telemetry; }

/* The picture that the next VI will show: SCREEN_H rows of SCREEN_W pixels, host order. */
const Pixel *ok_frame(void) { return raster_shown(); }

/* For tests: move the kart (s16.16 metres, heading in 1/65536 turns) without updating its place on the course. */
void ok_place(int32_t x, int32_t z, uint32_t heading) {
    the_game.kart.x = x;
    the_game.kart.z = z;
    the_game.kart.heading = heading << 16;
}

/* For tests: build a course without the menu. Returns the number of drafts of a generated course, else 1. */
int ok_build(int course, int seed) {
    if (course == COURSE_GENERATED) return generator_build(&the_game.course, seed);
    course_build(&the_game.course, course_list[course]);
    return 1;
}

/* For tests: write the course's centre line as x, z, half, left, right per sample; s16.16 metres. Returns the number of
 * samples, at most COURSE_MAX_SAMPLES. */
int ok_samples(int32_t *out) {
    const Course *course = &the_game.course;
    for (int i = 0; i < course->count; i++, out += 5) {
        const Sample *s = &course->samples[i];
        out[0] = s->x, out[1] = s->z, out[2] = s->half * 256, out[3] = s->left * 256, out[4] = s->right * 256;
    }
    return course->count;
}

/* For tests: write x, z (s16.16 metres), heading (1/65536 turns), speed (s8.24 m/VI) per kart, the player's kart first.
 */
void ok_karts(int32_t *out) {
    for (int i = 0; i < KARTS; i++, out += 4) {
        const Kart *kart = i == 0 ? &the_game.kart : &the_game.rivals[i - 1].kart;
        out[0] = kart->x, out[1] = kart->z, out[2] = (int32_t)(kart->heading >> 16), out[3] = kart->speed;
    }
}
