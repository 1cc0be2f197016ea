/* Draws with an RSP program that no emulator knows: each VI, it fills a picture of 320x240 with one colour, which depends on
 * how often it has run. The program keeps this count in a register from one run to the next. RDRAM 0x404 counts the pictures
 * that the CPU has seen in memory. */
#include "kind.h"

#define IMAGE 0x200000u
#define SP_IMEM 0xA4001000u

extern const uint32_t microcode[], microcode_end[];

asm(".pushsection .rodata\n"
    ".set push\n"
    ".set noreorder\n"
    ".set noat\n"
    "microcode:\n"
    "   addiu $8, $8, 1\n"        /* runs so far */
    "   sll   $9, $8, 6\n"
    "   ori   $9, $9, 1\n"        /* the colour, RGBA5551: green and then red */
    "   mtc2  $9, $1\n"           /* v1[0] */
    "   .word 0x4A0210AC\n"       /* vxor v2, v2, v2 */
    "   .word 0x4B0110AA\n"       /* vor v2, v2, v1[0]: the colour in all eight elements */
    "   move  $10, $0\n"
    "   li    $11, 640\n"
    "1: .word 0xE9422000\n"       /* sqv v2, 0($10) */
    "   addiu $10, $10, 16\n"
    "   bne   $10, $11, 1b\n"
    "   nop\n"
    "   lui   $12, 0x0020\n"      /* the picture */
    "   lui   $13, 0x0022\n"
    "   ori   $13, $13, 0x5800\n" /* its end */
    "   li    $14, 639\n"
    "2: mtc0  $0, $0\n"           /* from the begin of DMEM */
    "   mtc0  $12, $1\n"
    "   mtc0  $14, $3\n"          /* writes a row */
    "3: mfc0  $15, $6\n"
    "   bnez  $15, 3b\n"          /* until the DMA has ended */
    "   nop\n"
    "   addiu $12, $12, 640\n"
    "   bne   $12, $13, 2b\n"
    "   nop\n"
    "   break\n"
    "   nop\n"
    "microcode_end:\n"
    ".set pop\n"
    ".popsection\n");

void hw_start(void) {
    for (unsigned i = 0; microcode + i < microcode_end; i++) REG(SP_IMEM + 4 * i) = microcode[i];
    video(IMAGE);
}

void hw_interrupt(void) {
    next_vi();
    uint32_t before = RDRAM(IMAGE);
    REG(SP_DMEM + 0xFCC) = 0xFFFFFFFF; /* not a task of Nintendo's library */
    SP_PC = 0;
    SP_STATUS = 5; /* run */
    if (RDRAM(IMAGE) != before) RDRAM(0x404) = RDRAM(0x404) + 1;
}
