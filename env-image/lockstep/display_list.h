/* Looks into a display list without drawing it. */
#ifndef DISPLAY_LIST_H
#define DISPLAY_LIST_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the GPU, at work on the list that begins at byte `address` of RDRAM, meets a FullSync: the end of a picture, at
 * which it raises the DP interrupt. True also for a list that cannot be understood: a game that waits for an interrupt in
 * vain hangs, one that gets it too soon seldom minds. */
bool display_list_syncs(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t address);

#endif
