# Never switches its video on, never reads the pad, never does anything.
    .include "header.S"
    b .
    nop
