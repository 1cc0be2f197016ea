/* The rivals: points that move along the centre line. */
#include "double.h"

#define ROW FIX(3.5)       /* metres between two places on the grid */
#define FIRST_ROW FIX(5.5) /* metres before the line */
#define KMH(x) ((x) * 65536 / 216) /* km/h to metres per tick */

static struct {
    fix along; /* metres from the line, in this lap */
    int32_t lap;
} rivals[PLAYER_COUNT];

/* The demo's first rival is player 0. In a grand prix, the player begins on the last place of the grid. */
void rivals_place(int first) {
    fix length = course.spacing * course.count;
    for (int i = first; i < PLAYER_COUNT; i++) {
        rivals[i].along = length - FIRST_ROW - (i - first) * ROW;
        rivals[i].lap = -1;
        gPlayers[i].type = PLAYER_EXISTS | PLAYER_CPU | PLAYER_START_SEQUENCE;
        gPlayers[i].characterId = (uint16_t)((gCharacterSelections[0] + i) % PLAYER_COUNT);
    }
}

static fix speed_of(int i) { return KMH(24 + 4 * i + 6 * gCCSelection); }

static void show(int i, fix speed) {
    Player *p = &gPlayers[i];
    int32_t cell = rivals[i].along / course.spacing;
    const Sample *s = &course.samples[cell % course.count];
    for (int axis = 0; axis < 3; axis++) p->oldPos[axis] = p->pos[axis];
    world_point(s, rivals[i].along % course.spacing, p->pos);
    p->velocity[0] = (float)mul_shift(speed, s->tx, 14) * (18.0f / 65536);
    p->velocity[2] = (float)-mul_shift(speed, s->tz, 14) * (18.0f / 65536);
    p->speed = (float)speed * (18.0f / 65536);
    p->lapCount = (int16_t)gLapCountByPlayerId[i];
    p->surfaceType = SURFACE_ASPHALT;
    for (int tyre = 0; tyre < 4; tyre++) p->tyres[tyre].surfaceType = SURFACE_ASPHALT;
}

void rivals_tick(int first) {
    fix length = course.spacing * course.count;
    for (int i = first; i < PLAYER_COUNT; i++) {
        fix speed = gRaceState >= RACE_RACING ? speed_of(i) : 0;
        rivals[i].along += speed;
        if (rivals[i].along >= length) rivals[i].along -= length, rivals[i].lap++;
        progress_update(i, rivals[i].lap * FIX_ONE + rivals[i].along / (length >> 16));
        if (gLapCountByPlayerId[i] >= 3) gPlayers[i].type |= PLAYER_CINEMATIC;
        show(i, speed);
    }
}
