/* Prints a digest of each of many observations, and the result of display_list_syncs for many random lists. */
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "display_list.h"
#include "picture.h"

enum { RDRAM_BYTES = 8 << 20, CASES = 120, LISTS = 2000 };

static const uint32_t sizes[][2] = {{42, 42}, {84, 84}, {60, 80}, {96, 96}, {120, 160}, {240, 320}, {37, 211}, {1, 1}};
static uint8_t out[1024 * 1024 * 3];

static uint32_t one_of(uint64_t *random, uint32_t count)
{
    return draw(random) % count;
}

/* A picture of each kind in turn: 16 and 32 bits a pixel, drawn by the GPU, blank. */
static struct picture any_picture(uint64_t *random, int kind, const uint8_t *memory)
{
    /* One call per declarator, because C does not fix the order of calls within an expression. */
    uint32_t width = 8 + one_of(random, 633), height = 4 + one_of(random, 477);
    uint32_t origin = 4096 + 2 * one_of(random, 9000);
    uint32_t stride = width + one_of(random, 9);
    uint32_t top = one_of(random, 4), left = one_of(random, 4);
    struct picture picture = {.rdram = memory, .origin = origin, .stride = stride, .height = height, .width = width};
    picture.bytes_per_pixel = (const uint32_t[]){2, 4, 2, 0}[kind];
    if (kind == 1)
        picture.origin &= ~3U;
    if (kind == 2)
        picture.pixels = (const uint32_t *)(memory + RDRAM_BYTES / 2); /* rows lie before the first one */
    return picture_crop(picture, top, left, 0, 0);
}

int main(void)
{
    uint64_t random = 1;
    uint32_t *memory = calloc(1, RDRAM_BYTES);
    if (!memory)
        return 1;
    for (int i = 0; i < RDRAM_BYTES / 4; i++)
        memory[i] = draw(&random);
    for (int i = 0; i < CASES; i++) {
        struct picture picture = any_picture(&random, i % 4, (const uint8_t *)memory);
        const uint32_t *size = sizes[one_of(&random, sizeof sizes / sizeof *sizes)];
        uint32_t height = i % 7 ? size[0] : picture.height, width = i % 7 ? size[1] : picture.width, channels = i / 4 % 2 ? 3 : 1;
        picture_observe(&picture, out, height, width, channels);
        printf("%d %ux%u to %ux%ux%u %016llx\n", i % 4, picture.height, picture.width, height, width, channels,
               (unsigned long long)digest(0, out, (size_t)height * width * channels));
    }
    static const uint32_t codes[] = {0x01, 0x06, 0xB8, 0xBC, 0xDB, 0xDE, 0xDF, 0xE7, 0xF6, 0x05};
    for (int i = 0; i < LISTS; i++) {
        for (int k = 0; k < 64; k += 2) {
            memory[k] = codes[one_of(&random, 10)] << 24;
            memory[k] |= draw(&random) & 0x00011C06;
            memory[k + 1] = draw(&random) & 0xF8;
        }
        putchar(display_list_syncs((const uint8_t *)memory, RDRAM_BYTES, 0) ? '1' : '0');
    }
    putchar('\n');
    return 0;
}
