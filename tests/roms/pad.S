# Reads controller 1 once a VI. It keeps the pad's word in RDRAM word 0x104 and the number of reads in 0x100. It paints a
# 320x240 picture: the upper half's colour comes from the number of reads, the lower half's from the pad's word.
    .include "header.S"
    lui   $t0, 0xA440           # VI
    lui   $t2, 0xA000           # RDRAM, uncached
    lui   $t3, 0xA430           # MI
    lui   $t4, 0xA480           # SI
    li    $t1, 0x3202
    sw    $t1, 0x00($t0)        # CTRL: 16 bits a pixel
    lui   $t1, 0x0010
    sw    $t1, 0x04($t0)        # ORIGIN 0x100000
    li    $t1, 320
    sw    $t1, 0x08($t0)        # WIDTH
    li    $t1, 2
    sw    $t1, 0x0C($t0)        # V_INTR
    lui   $t1, 0x006C
    ori   $t1, $t1, 0x02EC
    sw    $t1, 0x24($t0)        # H_VIDEO
    lui   $t1, 0x0025
    ori   $t1, $t1, 0x01FF
    sw    $t1, 0x28($t0)        # V_VIDEO
    li    $t1, 0x200
    sw    $t1, 0x30($t0)        # X_SCALE
    li    $t1, 0x400
    sw    $t1, 0x34($t0)        # Y_SCALE
    li    $t1, 0x20D
    sw    $t1, 0x18($t0)        # V_SYNC
again:
    lw    $t1, 0x08($t3)        # wait for the VI interrupt to be raised
    andi  $t1, $t1, 8
    beqz  $t1, again
    nop
    sw    $zero, 0x10($t0)      # acknowledge it
    # the command block at 0x200: read controller 1
    lui   $t1, 0xFF01
    ori   $t1, $t1, 0x0401
    sw    $t1, 0x200($t2)
    li    $t1, -1
    sw    $t1, 0x204($t2)
    lui   $t1, 0xFE00
    sw    $t1, 0x208($t2)
    li    $t1, 1
    sw    $t1, 0x23C($t2)
    li    $t1, 0x200
    sw    $t1, 0x00($t4)        # DRAM_ADDR
    lui   $t1, 0x1FC0
    ori   $t1, $t1, 0x07C0
    sw    $t1, 0x10($t4)        # to the PIF
1:  lw    $t1, 0x18($t4)
    andi  $t1, $t1, 3
    bnez  $t1, 1b
    li    $t1, 0x200
    sw    $t1, 0x00($t4)
    lui   $t1, 0x1FC0
    ori   $t1, $t1, 0x07C0
    sw    $t1, 0x04($t4)        # and back
2:  lw    $t1, 0x18($t4)
    andi  $t1, $t1, 3
    bnez  $t1, 2b
    nop
    lw    $t5, 0x204($t2)       # buttons, x, y
    sw    $t5, 0x104($t2)
    lw    $t6, 0x100($t2)
    addiu $t6, $t6, 1
    sw    $t6, 0x100($t2)
    # paint two pixels at a time: colour = 8 * number of reads + opaque, then the buttons
    sll   $t6, $t6, 3
    ori   $t6, $t6, 1
    andi  $t6, $t6, 0xFFFF
    sll   $t1, $t6, 16
    or    $t6, $t6, $t1
    lui   $t7, 0xA010
    li    $t8, 320 * 120 / 2
3:  sw    $t6, 0($t7)
    addiu $t8, $t8, -1
    bnez  $t8, 3b
    addiu $t7, $t7, 4
    srl   $t5, $t5, 16
    sll   $t1, $t5, 16
    or    $t5, $t5, $t1
    li    $t8, 320 * 120 / 2
4:  sw    $t5, 0($t7)
    addiu $t8, $t8, -1
    bnez  $t8, 4b
    addiu $t7, $t7, 4
    b     again
    nop
