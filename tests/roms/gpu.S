# Draws with the GPU: a display list every second VI, 320x240, in two alternating buffers. The background's colour is
# controller 1's buttons as RGBA5551. A white square of 32x32 moves right by 8 pixels a picture, and a red square moves
# down by 4 pixels a picture. The program waits for each picture's DP interrupt before it continues.
#
# While Start is held, a picture consists of two lists. The second list only syncs.
#
# RDRAM: 0x100 pictures shown, 0x104 the pad's word, 0x108 VIs, 0x10C DP interrupts. Between interrupts the CPU runs a
# jump to itself. The microcode is not a program. It is one word, which makes the sum of its 3 KiB equal to F3DEX's sum. A
# high-level graphics plugin checks only this sum.
    .include "header.S"
    .equ  UCODE, 0x300000
    .equ  LISTS, 0x310000       # two lists, 0x1000 apart; each calls a second list 0x800 behind it
    .equ  IMAGES, 0x200000      # two pictures, 0x40000 apart

    lui   $s0, 0xA440           # VI
    lui   $s1, 0xA430           # MI
    lui   $s2, 0xA000           # RDRAM, uncached
    lui   $s3, 0xA404           # SP
    lui   $s4, 0xA480           # SI
    lui   $s5, 0xA400           # DMEM
    move  $s6, $zero            # pictures begun

    # The handler returns behind the jump to itself, with interrupts off, because this interrupt is still pending.
    lui   $t0, 0x401A           # mfc0 $k0, EPC
    ori   $t0, $t0, 0x7000
    sw    $t0, 0x180($s2)
    lui   $t0, 0x275A           # addiu $k0, $k0, 8
    ori   $t0, $t0, 0x0008
    sw    $t0, 0x184($s2)
    lui   $t0, 0x409A           # mtc0 $k0, EPC
    ori   $t0, $t0, 0x7000
    sw    $t0, 0x188($s2)
    lui   $t0, 0x241A           # li $k0, 2
    ori   $t0, $t0, 0x0002
    sw    $t0, 0x18C($s2)
    lui   $t0, 0x409A           # mtc0 $k0, Status
    ori   $t0, $t0, 0x6000
    sw    $t0, 0x190($s2)
    lui   $t0, 0x4200           # eret
    ori   $t0, $t0, 0x0018
    sw    $t0, 0x194($s2)

    lui   $t0, 0x0516           # F3DEX' sum
    ori   $t0, $t0, 0x5579
    lui   $t1, 0xA000 | UCODE >> 16
    sw    $t0, 0($t1)

    li    $t1, 0x3202
    sw    $t1, 0x00($s0)        # CTRL: 16 bits a pixel
    lui   $t1, IMAGES >> 16
    sw    $t1, 0x04($s0)        # ORIGIN
    li    $t1, 320
    sw    $t1, 0x08($s0)        # WIDTH
    li    $t1, 2
    sw    $t1, 0x0C($s0)        # V_INTR
    lui   $t1, 0x006C
    ori   $t1, $t1, 0x02EC
    sw    $t1, 0x24($s0)        # H_VIDEO
    lui   $t1, 0x0025
    ori   $t1, $t1, 0x01FF
    sw    $t1, 0x28($s0)        # V_VIDEO
    li    $t1, 0x200
    sw    $t1, 0x30($s0)        # X_SCALE
    li    $t1, 0x400
    sw    $t1, 0x34($s0)        # Y_SCALE
    li    $t1, 0x20D
    sw    $t1, 0x18($s0)        # V_SYNC
    li    $t1, 0x880            # MI_MASK: VI and DP interrupts
    sw    $t1, 0x0C($s1)

picture:
    andi  $s7, $s6, 1           # which buffer
    # the main list, $t9: sets the buffer and calls the list that draws
    sll   $t0, $s7, 12
    lui   $t9, 0xA000 | LISTS >> 16
    or    $t9, $t9, $t0
    lui   $t0, 0xFF10           # SetColorImage: RGBA, 16 bits, 320 wide
    ori   $t0, $t0, 0x013F
    sw    $t0, 0x00($t9)
    sll   $t0, $s7, 18
    lui   $t1, IMAGES >> 16
    or    $t0, $t0, $t1
    sw    $t0, 0x04($t9)
    lui   $t0, 0xED00           # SetScissor: all of it
    sw    $t0, 0x08($t9)
    lui   $t0, 0x0050
    ori   $t0, $t0, 0x03C0
    sw    $t0, 0x0C($t9)
    lui   $t0, 0xEF30           # SetOtherModes: fill
    sw    $t0, 0x10($t9)
    sw    $zero, 0x14($t9)
    lui   $t0, 0x0600           # DisplayList
    sw    $t0, 0x18($t9)
    lui   $t1, 0x1FFF
    ori   $t1, $t1, 0xFFFF
    and   $t1, $t9, $t1
    addiu $t0, $t1, 0x800
    sw    $t0, 0x1C($t9)
    lui   $t1, 0xB800           # EndDisplayList
    lhu   $t0, 0x104($s2)       # Start?
    andi  $t0, $t0, 0x1000
    bnez  $t0, 1f
    move  $t0, $t1              # the list ends here, without a sync
    lui   $t0, 0xE900           # FullSync
1:  sw    $t0, 0x20($t9)
    sw    $zero, 0x24($t9)
    sw    $t1, 0x28($t9)
    sw    $zero, 0x2C($t9)
    lui   $t0, 0xE900           # the list that only syncs
    sw    $t0, 0x400($t9)
    sw    $zero, 0x404($t9)
    sw    $t1, 0x408($t9)
    sw    $zero, 0x40C($t9)

    # the list that draws, $t8
    addiu $t8, $t9, 0x800
    lhu   $a0, 0x104($s2)       # the background
    lui   $a1, 320 << 14 >> 16
    ori   $a1, $a1, 240 << 2
    move  $a2, $zero
    bal   rectangle
    nop
    li    $a0, 0xFFFF           # the white square, at (8 * picture & 255, 48)
    sll   $t0, $s6, 3
    andi  $t0, $t0, 0xFF
    sll   $a2, $t0, 14
    ori   $a2, $a2, 48 << 2
    lui   $t1, 31 << 14 >> 16
    ori   $t1, $t1, (31 << 14 & 0xFFFF) | 31 << 2
    addu  $a1, $a2, $t1
    bal   rectangle
    nop
    li    $a0, 0xF801           # the red square, at (144, 4 * picture & 127)
    sll   $t0, $s6, 2
    andi  $t0, $t0, 0x7F
    sll   $t0, $t0, 2
    lui   $a2, 144 << 14 >> 16
    or    $a2, $a2, $t0
    addu  $a1, $a2, $t1
    bal   rectangle
    nop
    lui   $t0, 0xB800           # EndDisplayList
    sw    $t0, 0x00($t8)
    sw    $zero, 0x04($t8)

    # the task; then start it
    li    $t0, 1
    sw    $t0, 0xFC0($s5)       # type: graphics
    sw    $zero, 0xFC4($s5)     # flags
    lui   $t0, UCODE >> 16
    sw    $t0, 0xFC8($s5)       # boot microcode and its size
    li    $t1, 0x100
    sw    $t1, 0xFCC($s5)
    sw    $t0, 0xFD0($s5)       # microcode
    li    $t1, 0x1000
    sw    $t1, 0xFD4($s5)
    addiu $t0, $t0, 0x1000
    sw    $t0, 0xFD8($s5)       # its data
    li    $t1, 0x800
    sw    $t1, 0xFDC($s5)
    lui   $t1, 0x1FFF
    ori   $t1, $t1, 0xFFFF
    and   $t1, $t9, $t1
    sw    $t1, 0xFF0($s5)       # the display list
    li    $t0, 0x30
    sw    $t0, 0xFF4($s5)
    lui   $t0, 0xA408
    sw    $zero, 0($t0)         # SP_PC
    li    $t0, 5
    sw    $t0, 0x10($s3)        # SP_STATUS: run
    lw    $t0, 0x20($t9)        # has it synced?
    lui   $t2, 0xE900
    beq   $t0, $t2, 1f
    addiu $t1, $t1, 0x400
    sw    $t1, 0xFF0($s5)       # the second list
    li    $t0, 5
    sw    $t0, 0x10($s3)
1:

    # until the picture is drawn and two VIs have passed
    move  $t8, $zero            # VIs
    move  $t9, $zero            # DP interrupts
wait:
    li    $t0, 0x401
    mtc0  $t0, $12              # Status: interrupts on
    b     .
    nop
    lw    $t0, 0x08($s1)        # which?
    andi  $t1, $t0, 0x20
    beqz  $t1, 1f
    li    $t1, 0x800
    sw    $t1, 0x00($s1)        # acknowledge DP
    lw    $t1, 0x10C($s2)
    addiu $t1, $t1, 1
    sw    $t1, 0x10C($s2)
    li    $t9, 1
1:  andi  $t1, $t0, 8
    beqz  $t1, 2f
    nop
    sw    $zero, 0x10($s0)      # acknowledge VI
    addiu $t8, $t8, 1
    lw    $t1, 0x108($s2)
    addiu $t1, $t1, 1
    sw    $t1, 0x108($s2)
2:  beqz  $t9, wait
    slti  $t1, $t8, 2
    bnez  $t1, wait
    sll   $t0, $s7, 18
    lui   $t1, IMAGES >> 16
    or    $t0, $t0, $t1
    sw    $t0, 0x04($s0)        # show it: ORIGIN
    addiu $s6, $s6, 1
    sw    $s6, 0x100($s2)

    # the pad, for the next picture
    lui   $t1, 0xFF01
    ori   $t1, $t1, 0x0401
    sw    $t1, 0x200($s2)
    li    $t1, -1
    sw    $t1, 0x204($s2)
    lui   $t1, 0xFE00
    sw    $t1, 0x208($s2)
    li    $t1, 1
    sw    $t1, 0x23C($s2)
    li    $t1, 0x200
    sw    $t1, 0x00($s4)        # DRAM_ADDR
    lui   $t1, 0x1FC0
    ori   $t1, $t1, 0x07C0
    sw    $t1, 0x10($s4)        # to the PIF
3:  lw    $t1, 0x18($s4)
    andi  $t1, $t1, 3
    bnez  $t1, 3b
    li    $t1, 0x200
    sw    $t1, 0x00($s4)
    lui   $t1, 0x1FC0
    ori   $t1, $t1, 0x07C0
    sw    $t1, 0x04($s4)        # and back
4:  lw    $t1, 0x18($s4)
    andi  $t1, $t1, 3
    bnez  $t1, 4b
    nop
    lw    $t1, 0x204($s2)
    b     picture
    sw    $t1, 0x104($s2)

# Appends a rectangle to the list $t8: colour $a0, lower right corner $a1 and upper left $a2 as FillRectangle has them.
rectangle:
    lui   $t0, 0xE700           # PipeSync
    sw    $t0, 0x00($t8)
    sw    $zero, 0x04($t8)
    lui   $t0, 0xF700           # SetFillColor
    sw    $t0, 0x08($t8)
    sll   $t0, $a0, 16
    or    $t0, $t0, $a0
    sw    $t0, 0x0C($t8)
    lui   $t0, 0xF600           # FillRectangle
    or    $t0, $t0, $a1
    sw    $t0, 0x10($t8)
    sw    $a2, 0x14($t8)
    jr    $ra
    addiu $t8, $t8, 0x18
