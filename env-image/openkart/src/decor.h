/* What stands beside a course: sprites painted by rule at start, and how large and how near the walls each kind is. */
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
    uint8_t height, taller; /* decimetres; up to `taller`, a power of two less one, are added at random */
    uint8_t behind;         /* metres from the wall to its middle, at least */
    uint8_t spread;         /* up to so many sixteenths of 16 m are added at random */
    uint8_t clear;          /* metres from its middle to any wall */
} DecorSize;

extern const DecorSize decor_sizes[DECOR_KINDS];
extern Sprite decor_sprites[DECOR_KINDS];

void decor_bake(void);

#endif
