# Runs an endless loop. It never switches video on and never reads the pad.
    .include "header.S"
    b .
    nop
