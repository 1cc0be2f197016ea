/* Open Kart on the host: the same game behind a few C functions, for tests and for playing with its physics (ctypes).
 *
 * One game per process, like the console. A step is one VI, as on the N64: the input given is the one sampled in it.
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

/* Power on. May be called again. */
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

/* For tests: put the kart somewhere (s16.16 metres, heading in 1/65536 turns) without telling the course tracking. */
void ok_place(int32_t x, int32_t z, uint32_t heading) {
    the_game.kart.x = x;
    the_game.kart.z = z;
    the_game.kart.heading = heading << 16;
}

/* For tests: build a course behind the menu's back. Returns how many drafts a generated one took, else 1. */
int ok_build(int course, int seed) {
    if (course == COURSE_GENERATED) return generator_build(&the_game.course, seed);
    course_build(&the_game.course, course_list[course]);
    return 1;
}

/* For tests: the course's centre line, at most COURSE_MAX_SAMPLES times x, z, half, left, right; s16.16 metres. Returns
 * the number of samples. */
int ok_samples(int32_t *out) {
    const Course *course = &the_game.course;
    for (int i = 0; i < course->count; i++, out += 5) {
        const Sample *s = &course->samples[i];
        out[0] = s->x, out[1] = s->z, out[2] = s->half * 256, out[3] = s->left * 256, out[4] = s->right * 256;
    }
    return course->count;
}

/* For tests: of all karts, the player's first, x, z (s16.16 metres), heading (1/65536 turns), speed (s8.24 m/VI). */
void ok_karts(int32_t *out) {
    for (int i = 0; i < KARTS; i++, out += 4) {
        const Kart *kart = i == 0 ? &the_game.kart : &the_game.rivals[i - 1].kart;
        out[0] = kart->x, out[1] = kart->z, out[2] = (int32_t)(kart->heading >> 16), out[3] = kart->speed;
    }
}
