/* The double: it replaces Mario Kart 64, which cannot be shipped, in tests of the environment that plays that game.
 *
 * It has that game's variables (symbols.h), the order of its screens, its pace, and its race from countdown to results. It
 * uses Open Kart's physics and courses. It has neither that game's pictures nor its items. */
#ifndef KART64_DOUBLE_H
#define KART64_DOUBLE_H

#include "kart.h"
#include "symbols.h"

#define TICKS_PER_FRAME 2 /* of 1/60 s */

/* Directions: the cross, or the stick beyond its threshold. kart.h has the other buttons. */
#define PAD_UP 0x0800
#define PAD_DOWN 0x0400
#define PAD_LEFT 0x0200
#define PAD_RIGHT 0x0100

extern Course course;
extern int32_t results_cursor; /* 0 = retry or next race, 1 = quit */

/* Called once, at power-on. */
void game_start(void);

/* One game frame: two VIs, one controller read. */
void game_frame(Pad pad);

/* Show the screen `menu`, with a fade-in. */
void menus_enter(int32_t menu);
void menus_frame(uint16_t pressed);

void race_enter(void);
void race_frame(Pad pad, uint16_t pressed);

/* Convert Open Kart's course point to Mario Kart 64's units of 1/18 m. In that game a lap begins towards -z. */
void world_point(const Sample *sample, fix along, float *pos);

/* Place players 1 to 7 of a grand prix, or all eight of the demo. They follow the centre line at different speeds. */
void rivals_place(int first);
void rivals_tick(int first);

/* Update path point, completion and lap after a player has moved to `progress` laps (s16.16). */
void progress_update(int player, fix progress);
void ranks_update(void);

void draw_frame(void);

#endif
