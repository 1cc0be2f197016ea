/* Draws with the CPU. VI_ORIGIN has bits that the hardware does not have. At VI 20, it gives the GPU one display list. */
#include "kind.h"

#define IMAGE 0x200000u
#define LIST 0x310000u
#define UCODE 0x300000u

void hw_start(void) {
    RDRAM(UCODE) = 0x05165579; /* the sum of F3DEX, see gpu.S */
    RDRAM(LIST) = 0xE9000000;  /* FullSync, EndDisplayList */
    RDRAM(LIST + 8) = 0xB8000000;
    fill(IMAGE, 0x07C1);
    video(0xA0000000u + IMAGE);
}

void hw_interrupt(void) {
    static const uint32_t task[16] = {1, 0, UCODE, 0x100, UCODE, 0x1000, UCODE + 0x1000, 0x800, 0, 0, 0, 0, LIST, 0x30, 0, 0};
    next_vi();
    if (COUNT == 20) {
        for (int i = 0; i < 16; i++) REG(SP_DMEM + 0xFC0 + 4 * i) = task[i];
        SP_PC = 0;
        SP_STATUS = 5; /* run */
        fill(IMAGE, 0xF801);
    }
}
