# Header, boot program, start-up and interrupt entry: the parts of Open Kart that C cannot express.
#
# The PIF (the emulator's imitation of it) copies the first 4 KiB of the ROM to the RSP's DMEM and jumps to offset 0x40.
# An emulator verifies no checksum, and its RDRAM works at once, so the boot program is a DMA and a jump. A console
# cannot run it, because a console's PIF requires Nintendo's boot code.

#include "n64.h"

#ifndef ROM_TITLE /* the ROMs of tests/roms use this file too and define their own titles */
#define ROM_TITLE "OPEN KART           " /* exactly 20 bytes */
#define ROM_ID "NOKE" /* cartridge, game, NTSC for North America */
#define ROM_CRC 0x4F4B5254, 0x4B415254
#define ROM_VERSION 1
#endif

    .set noreorder

# ---- ROM header, 64 bytes ------------------------------------------------------------------------------------------
    .section .header, "a"
    .word 0x80371240            # byte order mark and PI timing of cartridge domain 1
    .word 0x0000000F            # clock rate: default
    .word 0x80001000            # entry point, not used by this boot program
    .word 0x00001444            # libultra release, ignored
    .word ROM_CRC               # not verified without Nintendo's boot code, so Open Kart's say OKRTKART
    .word 0, 0
    .ascii ROM_TITLE
    .byte 0, 0, 0, 0, 0, 0, 0
    .ascii ROM_ID
    .byte ROM_VERSION

# ---- boot program at ROM 0x40, runs at 0xA4000040 ------------------------------------------------------------------
boot:
    lui   $t0, 0xA460           # PI registers
    li    $t1, 0x00001000       # to RDRAM 0x1000 ...
    sw    $t1, 0($t0)
    li    $t1, 0x10001000       # ... from cartridge 0x1000 ...
    sw    $t1, 4($t0)
    la    $t1, _game_size - 1   # ... all of the game
    sw    $t1, 12($t0)
1:  lw    $t1, 16($t0)          # wait while DMA or IO is busy
    andi  $t1, $t1, 3
    bnez  $t1, 1b
    nop
    la    $t0, _start
    jr    $t0
    nop

# ---- start of the game, RDRAM 0x80001000 ---------------------------------------------------------------------------
    .section .text.start, "ax"
    .globl _start
_start:
    li    $t0, 0x30000000       # Status: coprocessors usable, 32-bit FPU registers, interrupts off
    mtc0  $t0, $12
    la    $sp, STACK_TOP
    la    $t0, _bss_start       # a reset must begin with the same memory as power-on
    la    $t1, _bss_end
2:  sw    $zero, 0($t0)
    addiu $t0, $t0, 4
    bne   $t0, $t1, 2b
    nop

    la    $t0, vector           # the general exception vector is four instructions at 0x80000180
    li    $t1, 0x80000180
    lw    $t2, 0($t0)
    lw    $t3, 4($t0)
    sw    $t2, 0($t1)
    sw    $t3, 4($t1)

    jal   hw_start
    nop

    li    $t0, 0x30000401       # now interrupts: IE and the RCP's line
    mtc0  $t0, $12
    nop
idle:
    b     idle                  # a jump to itself with an empty delay slot: the emulator skips to the next event
    nop

vector:
    j     interrupt
    nop

# The interrupt entry saves no registers: it can interrupt only `idle`, which uses none. The whole game runs in the
# interrupt, on one stack.
interrupt:
    la    $sp, STACK_TOP
    jal   hw_interrupt
    nop
    eret
    nop
