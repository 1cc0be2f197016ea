/* Reads the cartridge's clock chip each VI: its 8 bytes (seconds, minutes, hours ...) are in RDRAM at 0x408, as BCD numbers. */
#include "kind.h"

#define BLOCK 0x500u

void hw_start(void) {
    fill(0x100000, 0x07C1);
    video(0x100000);
}

void hw_interrupt(void) {
    next_vi();
    for (int i = 0; i < 64; i += 4) RDRAM(BLOCK + i) = 0;
    RDRAM(BLOCK + 4) = 0x02090702; /* after four empty channels: send 2 bytes, get 9: read block 2 */
    RDRAM(BLOCK + 20) = 0xFE000000;
    joybus(BLOCK);
    RDRAM(0x408) = RDRAM(BLOCK + 8);
    RDRAM(0x40C) = RDRAM(BLOCK + 12);
}
