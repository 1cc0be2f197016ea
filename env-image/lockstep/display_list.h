/* Parses a display list without drawing it. */
#ifndef DISPLAY_LIST_H
#define DISPLAY_LIST_H

#include <stdbool.h>
#include <stdint.h>

/* Returns whether the list that begins at byte `address` of RDRAM reaches a FullSync. A FullSync ends a picture and raises
 * the DP interrupt. Also returns true for a list that cannot be parsed: a game hangs if it waits for an interrupt that never
 * comes, while most games tolerate an early one. */
bool display_list_syncs(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t address);

#endif
