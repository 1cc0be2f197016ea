# Header, boot program, start-up and interrupt entry; env-image/openkart/src/boot.S explains each.
#include "n64.h"

    .set noreorder

    .section .header, "a"
    .word 0x80371240
    .word 0x0000000F
    .word 0x80001000
    .word 0x00001446
    .word 0x4B415254, 0x36344442 # CRC words: not verified, and not those of any other game
    .word 0, 0
    .ascii "MARIOKART64         "
    .byte 0, 0, 0, 0, 0, 0, 0
    .ascii "NKTE"               # cartridge, Mario Kart 64, North America
    .byte 0

boot:
    lui   $t0, 0xA460
    li    $t1, 0x00001000
    sw    $t1, 0($t0)
    li    $t1, 0x10001000
    sw    $t1, 4($t0)
    la    $t1, _game_size - 1
    sw    $t1, 12($t0)
1:  lw    $t1, 16($t0)
    andi  $t1, $t1, 3
    bnez  $t1, 1b
    nop
    la    $t0, _start
    jr    $t0
    nop

    .section .text.start, "ax"
    .globl _start
_start:
    li    $t0, 0x30000000
    mtc0  $t0, $12
    la    $sp, STACK_TOP
    la    $t0, _bss_start
    la    $t1, _bss_end
2:  sw    $zero, 0($t0)
    addiu $t0, $t0, 4
    bne   $t0, $t1, 2b
    nop
    la    $t0, vector
    li    $t1, 0x80000180
    lw    $t2, 0($t0)
    lw    $t3, 4($t0)
    sw    $t2, 0($t1)
    sw    $t3, 4($t1)
    jal   hw_start
    nop
    li    $t0, 0x30000401
    mtc0  $t0, $12
    nop
idle:
    b     idle
    nop

vector:
    j     interrupt
    nop

interrupt:
    la    $sp, STACK_TOP
    jal   hw_interrupt
    nop
    eret
    nop
