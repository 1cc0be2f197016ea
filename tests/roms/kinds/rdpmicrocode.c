/* Draws with an RSP program of its own that gives the GPU a list of RDP commands, as libdragon's do. The next picture begins when
 * the GPU has reported the end of this one. The list is that of rdp.c. */
#include "kind.h"

#define LIST 0x300000u
#define IMAGE 0x200000u
#define SP_IMEM 0xA4001000u
#define MI_INTR_DP 0x20u

extern const uint32_t microcode[], microcode_end[];

asm(".pushsection .rodata\n"
    ".set push\n"
    ".set noreorder\n"
    ".set noat\n"
    "microcode:\n"
    "   lw   $8, 0($0)\n" /* begin and end of the list, from DMEM */
    "   lw   $9, 4($0)\n"
    "   mtc0 $8, $8\n"    /* DPC_START */
    "   mtc0 $9, $9\n"    /* DPC_END */
    "   break\n"
    "   nop\n"
    "microcode_end:\n"
    ".set pop\n"
    ".popsection\n");

void hw_start(void) {
    for (unsigned i = 0; microcode + i < microcode_end; i++) REG(SP_IMEM + 4 * i) = microcode[i];
    video(IMAGE);
    MI_INTR_ACKNOWLEDGE = 0x800; /* DP */
}

void hw_interrupt(void) {
    next_vi();
    if (COUNT > 1 && !(MI_INTR & MI_INTR_DP)) return; /* the GPU is not ready, and never will be */
    MI_INTR_ACKNOWLEDGE = 0x800;
    uint32_t colour = (COUNT * 8 + 1) & 0xFFFF, commands[] = {
        0xFF10013F, IMAGE, 0xED000000, 0x005003C0, 0xEF300000, 0, 0xF7000000, colour << 16 | colour,
        0xF6000000 | 319 << 14 | 239 << 2, 0, 0xE9000000, 0};
    for (unsigned i = 0; i < sizeof commands / 4; i++) RDRAM(LIST + 4 * i) = commands[i];
    REG(SP_DMEM) = LIST;
    REG(SP_DMEM + 4) = LIST + sizeof commands;
    REG(SP_DMEM + 0xFCC) = 0xFFFFFFFF; /* not a task of Nintendo's library */
    SP_PC = 0;
    SP_STATUS = 5; /* run */
    RDRAM(0x404) = COUNT;
}
