/* Observations of Open Kart on the host, by the code that makes them in the emulator (env-image/lockstep/observe.c). */
#include <stdint.h>

#include "picture.h"

enum { WIDTH = 160, HEIGHT = 120 };

/* Writes out [height][width][channels] from a picture of the host's game, whose pixels are in host order. */
void host_observe(const uint32_t *frame, uint8_t *out, uint32_t height, uint32_t width, uint32_t channels)
{
    static uint32_t rdram[WIDTH * HEIGHT / 2 + 1]; /* one extra word: rows are read one word too far */
    for (int i = 0; i < WIDTH * HEIGHT / 2; i++)
        rdram[i] = frame[i] >> 16 | frame[i] << 16; /* RDRAM holds two pixels a word, the first one in the high half */
    struct picture picture = {.rdram = (const uint8_t *)rdram, .stride = WIDTH, .bytes_per_pixel = 2,
                              .height = HEIGHT, .width = WIDTH};
    picture_observe(&picture, out, height, width, channels);
}
