/* The course select: the settings of the next race, one per row. */
#ifndef OPENKART_MENU_H
#define OPENKART_MENU_H

#include "kart.h"

enum Row { ROW_MODE, ROW_COURSE, ROW_SEED, ROW_LEVEL, ROW_LAPS, ROW_START, ROW_MIRROR, ROWS };
#define MAX_LAPS 3

enum Mode { MODE_TIME_TRIAL, MODE_GRAND_PRIX };

typedef struct {
    int32_t value[ROWS];              /* mode, index of the course, seed, level, laps, start in percent, mirrored */
    int32_t row;                      /* of the cursor */
    int32_t stick_x_was, stick_y_was; /* the stick's directions in the previous VI: -1, 0 or 1 */
    int32_t rested;                   /* VIs since the last change of a value */
} Menu;

/* Set the values of power-on: a time trial of three laps on the first course from its start line. */
void menu_start(Menu *menu);

/* Begin the course select. A stick that is already pushed must return to the centre before it counts. */
void menu_enter(Menu *menu);

/* Move the cursor (stick up, down) and change its value (stick left, right) by 1. While L, R or Z is held, large values
 * change by 10, 100 or 1000. A push of the stick counts once. The cursor and the values wrap. */
void menu_step(Menu *menu, Pad pad);

/* Returns whether the row is shown. Only the generated course has a seed, and only a grand prix has a level. */
int menu_shows(const Menu *menu, enum Row row);

#endif
