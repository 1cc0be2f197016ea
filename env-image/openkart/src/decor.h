/* The decoration beside a course: sprites painted by code at start, and the size and distance of each kind. */
#ifndef OPENKART_DECOR_H
#define OPENKART_DECOR_H

#include "sprite.h"

enum DecorKind {
    DECOR_FIR,
    DECOR_BROAD_LEAVED,
    DECOR_CACTUS,
    DECOR_ROCK,
    DECOR_LAMP,
    DECOR_BUILDING,
    DECOR_SNOWY_FIR,
    DECOR_SNOWMAN,
    DECOR_KINDS
};

typedef struct {
    uint8_t height, taller; /* decimetres; 0 to `taller` (a power of two less one) are added at random */
    uint8_t behind;         /* least metres from the wall to its middle */
    uint8_t spread;         /* 0 to `spread` metres are added to `behind` at random */
    uint8_t clear;          /* metres from its middle to any wall */
} DecorSize;

extern const DecorSize decor_sizes[DECOR_KINDS];
extern Sprite decor_sprites[DECOR_KINDS];

void decor_bake(void);

#endif
