/* Hangs in a recompiler that does not notice code written by the RSP's DMA. It calls a function in RDRAM, lets the RSP's
 * DMA replace the function, and calls it again. It switches the video on only if the new function has run. */
#include "kind.h"

#define PLACE 0x00200000u

void hw_start(void) {
    static const uint32_t functions[2][2] = {{0x03E00008, 0x24020001}, {0x03E00008, 0x24020002}}; /* return 1; return 2 */
    int (*function)(void) = (int (*)(void))(0x80000000u + PLACE);

    RDRAM(PLACE) = functions[0][0];
    RDRAM(PLACE + 4) = functions[0][1];
    int first = function();
    REG(SP_DMEM) = functions[1][0];
    REG(SP_DMEM + 4) = functions[1][1];
    SP_MEM_ADDR = 0;
    SP_DRAM_ADDR = PLACE;
    SP_WR_LEN = 7;
    while (SP_DMA_BUSY) {
    }
    while (function() == first) {
    }
    fill(0x100000, 0x07C1);
    video(0x100000);
}

void hw_interrupt(void) { next_vi(); }
