/* The sprites of trees, painted at start. */
#ifndef OPENKART_TREES_H
#define OPENKART_TREES_H

#include "sprite.h"

#define TREE_KINDS 2

extern Sprite tree_sprites[TREE_KINDS]; /* 0 fir, 1 broad-leaved */

void trees_bake(void);

#endif
