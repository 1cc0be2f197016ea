/* The course select: what the next race is to be, row by row. */
#ifndef OPENKART_MENU_H
#define OPENKART_MENU_H

#include "kart.h"

enum Row { ROW_MODE, ROW_COURSE, ROW_SEED, ROW_LEVEL, ROW_LAPS, ROW_START, ROW_MIRROR, ROWS };
#define MAX_LAPS 3

enum Mode { MODE_TIME_TRIAL, MODE_GRAND_PRIX };

typedef struct {
    int32_t value[ROWS];              /* mode, index of the course, seed, level, laps, start in percent, mirrored? */
    int32_t row;                      /* the cursor's */
    int32_t stick_x_was, stick_y_was; /* the stick's directions of the VI before, -1, 0 or 1 */
    int32_t rested;                   /* VIs since a value has changed */
} Menu;

/* What is chosen after power-on: a time trial of three laps on the first course from its start line. */
void menu_start(Menu *menu);

/* The course select begins: a stick that is held over from before must be let go first. */
void menu_enter(Menu *menu);

/* Let the stick move the cursor (up, down) and change the value under it (left, right) by 1, with L, R or Z held by 10,
 * 100 or 1000 where numbers are large. A push of the stick counts once. Both wrap. */
void menu_step(Menu *menu, Pad pad);

/* Is the row there? The seed is the generated course's, the level the grand prix'. */
int menu_shows(const Menu *menu, enum Row row);

#endif
