/* Shows an interlaced picture of 640x480: VI_ORIGIN alternates between its first row and its second. Each row has one colour,
 * red that grows every 16 rows, with blue in every second row. */
#include "kind.h"

#define IMAGE 0x200000u
#define ROW_BYTES (640 * 2)

void hw_start(void) {
    for (uint32_t y = 0; y < 480; y++) {
        uint32_t colour = (y / 16) << 11 | (y % 2 ? 0x3E : 0) | 1;
        for (uint32_t x = 0; x < ROW_BYTES; x += 4) RDRAM(IMAGE + y * ROW_BYTES + x) = colour << 16 | colour;
    }
    video(IMAGE);
    REG(VI_BASE + 0x00) = 0x3242; /* 16 bits a pixel, interlaced */
    REG(VI_BASE + 0x08) = 2 * 640;
    REG(VI_BASE + 0x18) = 0x20C;
    REG(VI_BASE + 0x30) = 0x400;
}

void hw_interrupt(void) {
    next_vi();
    VI_ORIGIN = IMAGE + (COUNT & 1) * ROW_BYTES;
}
