/* The CPU karts of a grand prix: the same physics, with a driver that follows a line. */
#ifndef OPENKART_RIVALS_H
#define OPENKART_RIVALS_H

#include "kart.h"

#define RIVALS 7
#define KARTS (RIVALS + 1)

typedef struct {
    Kart kart;
    int32_t skill; /* its share of the speed limit of the course, s.8 */
    fix lane;      /* preferred line, in metres right of the centre line ... */
    fix line;      /* ... and current line, which changes to pass others */
} Rival;

/* Place the CPU karts on the grid. The grid begins `front` metres from the start line and has GRID_STEP metres between
 * places. The player has the last place. level: 0 easy, 1 medium, 2 hard. */
void rivals_place(Rival *rivals, const Course *course, fix front, int32_t level);

#define GRID_STEP FIX(3.0)
#define GRID_LATERAL FIX(1.6) /* metres left and right of the middle, alternating; the last place is left */

/* One VI of driving for all CPU karts, and the collisions of all karts. Karts past `goal` (race progress) slow down. */
void rivals_step(Rival *rivals, const Course *course, Kart *player, fix goal);

/* The player's place, 1..KARTS, by race progress. */
int32_t rivals_place_of(const Rival *rivals, const Course *course, const Kart *player);

#endif
