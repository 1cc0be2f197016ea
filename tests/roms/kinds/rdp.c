/* Draws with lists of RDP commands, without a display list: each VI, a full picture of one colour, which the number of the
 * picture gives. The addresses in the registers have bits that the hardware does not have. */
#include "kind.h"

#define LIST 0x300000u
#define IMAGE 0x200000u

void hw_start(void) { video(0xA0000000u + IMAGE); }

void hw_interrupt(void) {
    next_vi();
    uint32_t colour = (COUNT * 8 + 1) & 0xFFFF, commands[] = {
        0xFF10013F, IMAGE,                      /* SetColorImage: 16 bits, 320 wide */
        0xED000000, 0x005003C0,                 /* SetScissor: all of it */
        0xEF300000, 0,                          /* SetOtherModes: fill */
        0xF7000000, colour << 16 | colour,      /* SetFillColor */
        0xF6000000 | 319 << 14 | 239 << 2, 0,   /* FillRectangle */
        0xE9000000, 0};                         /* FullSync */
    for (unsigned i = 0; i < sizeof commands / 4; i++) RDRAM(LIST + 4 * i) = commands[i];
    DPC_START = 0xA0000000u + LIST;
    DPC_END = 0xA0000000u + LIST + sizeof commands;
    if (DPC_CURRENT == LIST + sizeof commands) RDRAM(0x404) = COUNT; /* the RDP has read the list */
}
