/* Reads controllers 1, 2 and 4 once a VI, and controller 3 every second VI. It keeps their words from RDRAM 0x410 on (0 if none is
 * plugged in), a hash of all words in the order of the reads in 0x420, and paints a band in the colour of each word. */
#include "kind.h"

#define BLOCK 0x200
#define WORD(pad) RDRAM(0x410 + 4 * (pad))
#define HASH RDRAM(0x420)
#define PICTURE 0x100000u
#define BAND (320 * 60 * 2) /* bytes */

void hw_start(void) {
    fill(PICTURE, 1);
    video(PICTURE);
}

void hw_interrupt(void) {
    next_vi();
    for (int pad = 0; pad < 4; pad++) {
        int skip = pad == 2 && COUNT % 2; /* the first byte skips a controller */
        RDRAM(BLOCK + 8 * pad) = skip ? 0x00FFFFFF : 0xFF010401;
        RDRAM(BLOCK + 8 * pad + 4) = 0xFFFFFFFF;
    }
    RDRAM(BLOCK + 32) = 0xFE000000;
    joybus(BLOCK);
    for (int pad = 0; pad < 4; pad++) {
        uint32_t there = (RDRAM(BLOCK + 8 * pad) & 0xFF00) == 0x0400;
        uint32_t word = there ? RDRAM(BLOCK + 8 * pad + 4) : 0;
        if (pad == 2 && COUNT % 2) continue;
        WORD(pad) = word;
        HASH = HASH * 33 + word;
        uint32_t colour = word >> 16 | 1;
        for (uint32_t i = 0; i < BAND; i += 4) RDRAM(PICTURE + pad * BAND + i) = colour << 16 | colour;
    }
}
