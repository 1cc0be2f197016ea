# Header, boot program and interrupt entry of the double; the emulator copies the first 4 KiB to 0xA4000000 and starts
# at 0xA4000040.
    .set noreorder
    .section .header, "a"
    .word 0x80371240, 0x0000000F, 0x80001000, 0x0000144B, 0x444F5542, 0x4C450000, 0, 0
    .ascii "SMASH BROTHERS      "
    .byte 0, 0, 0, 0, 0, 0, 0
    .ascii "NALE"               # the real game's id
    .byte 0

boot:
    lui   $t0, 0xA460           # PI: all of the double from cartridge 0x1000 to RDRAM 0x1000
    li    $t1, 0x00001000
    sw    $t1, 0($t0)
    li    $t1, 0x10001000
    sw    $t1, 4($t0)
    la    $t1, _size - 1
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
    li    $t0, 0x30000000       # Status: coprocessors usable, 32-bit FPU registers, interrupts off
    mtc0  $t0, $12
    la    $sp, 0x80000F00
    la    $t0, vector           # the exception vector is two instructions at 0x80000180
    li    $t1, 0x80000180
    lw    $t2, 0($t0)
    lw    $t3, 4($t0)
    sw    $t2, 0($t1)
    sw    $t3, 4($t1)
    jal   switch_on
    nop
    li    $t0, 0x30000401       # interrupts on
    mtc0  $t0, $12
    nop
idle:
    b     idle
    nop

vector:
    j     interrupt
    nop

# Nothing is saved: it can interrupt nothing but `idle`.
interrupt:
    la    $sp, 0x80000F00
    jal   on_interrupt
    nop
    eret
    nop
