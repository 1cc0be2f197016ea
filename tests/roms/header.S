# The cartridge header and the first instruction of every test ROM. The test's program is the boot program: the emulator
# copies it to 0xA4000040 and starts it there.
    .set noreorder
    .set noat
    .word 0x80371240, 0x0000000F, 0xA4000040, 0, 0, 0, 0, 0
    .ascii "A3C64 TEST ROM      "
    .word 0, 0x0000004E
    .ascii "TTE"
    .byte 0
    .globl _start
_start:
