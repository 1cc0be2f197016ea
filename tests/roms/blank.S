# Switches video on, draws nothing, and counts VIs in RDRAM word 0x100. It never reads the pad.
    .include "header.S"
    lui   $t0, 0xA440           # VI
    li    $t1, 2
    sw    $t1, 0x0C($t0)        # V_INTR
    li    $t1, 0x20D
    sw    $t1, 0x18($t0)        # V_SYNC
    lui   $t2, 0xA000           # RDRAM, uncached
    lui   $t3, 0xA430           # MI
again:
    lw    $t1, 0x08($t3)        # wait for the VI interrupt to be raised
    andi  $t1, $t1, 8
    beqz  $t1, again
    nop
    sw    $zero, 0x10($t0)      # acknowledge it
    lw    $t1, 0x100($t2)
    addiu $t1, $t1, 1
    b     again
    sw    $t1, 0x100($t2)
