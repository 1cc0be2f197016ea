/* The double: a stand-in for Mario Kart 64, which cannot be shipped, in tests of the environment that plays it.
 *
 * It keeps that game's variables (symbols.h), its screens in their order, its pace and its race from count-down to
 * results. It drives with Open Kart's physics on Open Kart's courses, and has neither its pictures nor its items. */
#ifndef KART64_DOUBLE_H
#define KART64_DOUBLE_H

#include "kart.h"
#include "symbols.h"

#define TICKS_PER_FRAME 2 /* of 1/60 s */

/* Directions, of the cross or of the stick pushed far enough; kart.h has the other buttons. */
#define PAD_UP 0x0800
#define PAD_DOWN 0x0400
#define PAD_LEFT 0x0200
#define PAD_RIGHT 0x0100

extern Course course;
extern int32_t results_cursor; /* 0 retry or next race, 1 quit */

/* Once, at power-on. */
void game_start(void);

/* One game frame: two VIs, one controller read. */
void game_frame(Pad pad);

/* The screen `menu` is on from now on, faded in. */
void menus_enter(int32_t menu);
void menus_frame(uint16_t pressed);

void race_enter(void);
void race_frame(Pad pad, uint16_t pressed);

/* Open Kart's course point to Mario Kart 64's: its units are 1/18 m, and a lap begins towards -z. */
void world_point(const Sample *sample, fix along, float *pos);

/* Players 1 to 7 of a grand prix (all eight of the demo): they follow the course's middle, each at its own speed. */
void rivals_place(int first);
void rivals_tick(int first);

/* After a player has moved to `progress` laps (s16.16): path point, completion, lap. */
void progress_update(int player, fix progress);
void ranks_update(void);

void draw_frame(void);

#endif
