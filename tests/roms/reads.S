# Reads controller 1 twice before it switches video on, then 0, 1, 2 or 3 times a VI in turn. It keeps the number of reads
# in RDRAM word 0x100, a hash of all words in the order of their reads in 0x104, and the number of VIs in 0x108.
    .include "header.S"
    lui   $t0, 0xA440           # VI
    lui   $t2, 0xA000           # RDRAM, uncached
    lui   $t3, 0xA430           # MI
    lui   $t4, 0xA480           # SI
    lui   $t1, 0xFF01           # the command block at 0x200: read controller 1
    ori   $t1, $t1, 0x0401
    sw    $t1, 0x200($t2)
    lui   $t1, 0xFE00
    sw    $t1, 0x208($t2)
    bal   read
    nop
    bal   read
    nop
    li    $t1, 2
    sw    $t1, 0x0C($t0)        # V_INTR
    li    $t1, 0x20D
    sw    $t1, 0x18($t0)        # V_SYNC
again:
    lw    $t1, 0x08($t3)        # wait for the VI interrupt to be raised
    andi  $t1, $t1, 8
    beqz  $t1, again
    nop
    sw    $zero, 0x10($t0)      # acknowledge it
    lw    $s0, 0x108($t2)
    addiu $t1, $s0, 1
    sw    $t1, 0x108($t2)
    andi  $s0, $s0, 3
reads:
    beqz  $s0, again
    nop
    bal   read
    addiu $s0, $s0, -1
    b     reads
    nop

read:
    li    $t1, -1
    sw    $t1, 0x204($t2)
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
    lw    $t1, 0x100($t2)
    addiu $t1, $t1, 1
    sw    $t1, 0x100($t2)
    lw    $t5, 0x204($t2)       # buttons, x, y
    lw    $t6, 0x104($t2)
    sll   $t1, $t6, 5           # hash = 33 * hash + word
    addu  $t6, $t6, $t1
    addu  $t6, $t6, $t5
    jr    $ra
    sw    $t6, 0x104($t2)
