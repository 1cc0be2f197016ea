/* The CPU karts of a grand prix: the same physics, with a driver who follows a line. */
#ifndef OPENKART_RIVALS_H
#define OPENKART_RIVALS_H

#include "kart.h"

#define RIVALS 7
#define KARTS (RIVALS + 1)

typedef struct {
    Kart kart;
    int32_t skill; /* share of the fastest sensible speed that it drives, s.8 */
    fix lane;      /* metres right of the centre line where it likes to drive ... */
    fix line;      /* ... and where it is steering to: lanes change to pass others */
} Rival;

/* Put the CPU karts onto their places of the grid, which begins `front` metres from the start line and has
 * GRID_STEP metres from one to the next; the player has the last. level: 0 easy, 1 medium, 2 hard. */
void rivals_place(Rival *rivals, const Course *course, fix front, int32_t level);

#define GRID_STEP FIX(3.0)
#define GRID_LATERAL FIX(1.6) /* metres left and right of the middle, by turns; the last one left */

/* One VI of driving for all of them, and the collisions of all karts. Those past `goal` (race progress) roll on
 * slowly. */
void rivals_step(Rival *rivals, const Course *course, Kart *player, fix goal);

/* The player's place, 1..KARTS, by race progress. */
int32_t rivals_place_of(const Rival *rivals, const Course *course, const Kart *player);

#endif
