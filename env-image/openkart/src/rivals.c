/* The CPU drivers, and the collisions of karts.
 *
 * Before a race, each sample of the course gets a speed limit: the speed that its bend allows, or less if a driver must
 * brake for a slower sample ahead. A driver steers along the centre line, shifted into its lane. It drives at its share
 * of the limit.
 */
#include "rivals.h"

#define SPEED_16TH (16777216 / 60 / 16) /* 1/16 m/s in units of Kart.speed */
#define TOP_16THS (24 * 16)             /* a kart's top speed */
#define CORNERING 13                    /* m/s2 across the nose on dry asphalt, for the speed limits */
#define BRAKING 7                       /* m/s2, for the speed limits */
#define ROLL_ON (10 * 16 * SPEED_16TH)  /* after the finish */

#define AIM 30                /* VIs between the kart and the point that it steers to */
#define DEGREE (65536 / 360)  /* angle units */
#define PASSING FIX(9.0)      /* metres within which others are passed */
#define PASSING_ROOM FIX(2.4) /* metres between the lines of two karts */
#define LINE_STEP FIX(0.04)   /* largest shift of a line per VI, metres */
#define ROAD_MARGIN FIX(1.0)  /* least metres between a line and the edge of the road */
#define TOUCHING FIX(1.6)     /* metres between the middles of two karts that touch */
#define HIT_SPEED 220000      /* 0.8 m/s of approach: a slower touch does not count as a collision */
#define HIT_PAUSE 30          /* VIs: one push is one collision */

static int32_t limits[COURSE_MAX_SAMPLES]; /* squared speeds, then speeds of the kart */

static void learn_course(const Course *course) {
    int n = course->count, gain = 2 * BRAKING * course->grip * (course->spacing >> 8) / 256;
    for (int i = 0; i < n; i++) {
        const Sample *s = course->samples;
        int32_t bend = iabs(s[i == 0 ? n - 1 : i - 1].bend + s[i].bend + s[i == n - 1 ? 0 : i + 1].bend) / 3 + 1;
        int32_t square = CORNERING * course->grip * (course->spacing >> 8) * 64 / bend; /* 1/256 (m/s)2 */
        limits[i] = clamp(square, 0, TOP_16THS * TOP_16THS);
    }
    for (int i = 2 * n - 1; i >= 0; i--) { /* two laps: limits before the line depend on bends after it */
        int32_t then = limits[(i + 1) % n] + gain;
        if (limits[i % n] > then) limits[i % n] = then;
    }
    for (int i = 0; i < n; i++) limits[i] = (int32_t)isqrt((uint32_t)limits[i]) * SPEED_16TH;
}

void rivals_place(Rival *rivals, const Course *course, fix front, int32_t level) {
    static const int16_t skills[3] = {186, 220, 256}; /* of the first kart, s.8 */
    learn_course(course);
    for (int i = 0; i < RIVALS; i++) {
        fix lateral = i & 1 ? -GRID_LATERAL : GRID_LATERAL;
        Rival *rival = &rivals[i];
        kart_place(&rival->kart, course, front - i * GRID_STEP, lateral);
        rival->kart.heading -= (uint32_t)kart_heading_error(&rival->kart) << 16;
        rival->skill = skills[level] - i * 5;
        rival->lane = rival->line = lateral * (i % 3) / 2;
    }
}

static void drive(Rival *rival, const Course *course, fix goal) {
    Kart *kart = &rival->kart;
    const Place *place = &kart->place;
    int32_t error = kart_heading_error(kart), here = (int32_t)(kart->heading >> 16) - error;
    fix ahead = mul_shift(clamp(kart->speed, 0, 1 << 24) / 10 * AIM, course->cells, 24);
    int32_t turn = (int16_t)(course_heading_ahead(course, place, ahead) - here);
    fix room = place->half - ROAD_MARGIN, off = place->lateral - clamp(rival->line, -room, room);
    int32_t wanted = mul_shift(clamp(off, -FIX(5), FIX(5)), 3 * DEGREE, 16) + error - turn;
    int32_t limit = mul_shift(limits[place->sample], rival->skill, 8);
    if (limit > ROLL_ON && kart_progress(kart, course) >= goal) limit = ROLL_ON;
    Pad pad = {kart->speed < limit                ? PAD_A
               : kart->speed > limit + limit / 16 ? PAD_B
                                                  : 0,
               (int8_t)clamp(-wanted * 5 / DEGREE, -80, 80), 0};
    kart_step(kart, course, pad);
    rival->line += clamp(rival->lane - rival->line, -LINE_STEP / 4, LINE_STEP / 4);
}

/* `rival` is near `other`. If `other` is ahead and in the way, shift the rival's line to the side where the rival is.
 */
static void pass(Rival *rival, const Kart *other, fix dx, fix dz) {
    const Place *mine = &rival->kart.place, *theirs = &other->place;
    if (mul_shift(dx, mine->tx, 14) + mul_shift(dz, mine->tz, 14) < 0) return; /* `other` is behind */
    fix apart = mine->lateral - theirs->lateral;
    if (iabs(apart) > PASSING_ROOM) return;
    fix side = apart < 0 ? -PASSING_ROOM : PASSING_ROOM;
    if (iabs(theirs->lateral + side) > mine->half) side = -side;
    rival->line += clamp(theirs->lateral + side - rival->line, -LINE_STEP, LINE_STEP);
}

static void count_hit(Kart *kart) {
    if (kart->kart_hit_pause) return;
    kart->kart_hits++;
    kart->kart_hit_pause = HIT_PAUSE;
}

/* (dx, dz): from a to b, both components below TOUCHING. */
static void collide(Kart *a, Kart *b, fix dx, fix dz) {
    int32_t x = dx >> 5, z = dz >> 5;
    fix distance = (fix)isqrt((uint32_t)(x * x) + (uint32_t)(z * z)) << 5, over = (TOUCHING - distance) / 2;
    if (over <= 0) return;
    int32_t unit = distance >> 6;                                                                 /* s.10 */
    int32_t nx = unit ? (dx >> 2) * 1024 / unit : 16384, nz = unit ? (dz >> 2) * 1024 / unit : 0; /* s1.14 */
    fix px = mul_shift(nx, over, 14), pz = mul_shift(nz, over, 14);
    a->x -= px, a->z -= pz, b->x += px, b->z += pz;
    int32_t vx = a->vx - b->vx, vz = a->vz - b->vz, into = mul_shift(vx, nx, 14) + mul_shift(vz, nz, 14);
    if (into <= 0) return;
    int32_t swap = into / 2 + into / 4; /* half of `into` ends the approach; the rest is the bounce */
    a->vx -= mul_shift(swap, nx, 14), a->vz -= mul_shift(swap, nz, 14);
    b->vx += mul_shift(swap, nx, 14), b->vz += mul_shift(swap, nz, 14);
    if (into < HIT_SPEED) return;
    a->vx -= a->vx / 32, a->vz -= a->vz / 32, b->vx -= b->vx / 32, b->vz -= b->vz / 32;
    count_hit(a), count_hit(b);
}

static inline int is_within(fix d, fix reach) { return (uint32_t)(d + reach) <= (uint32_t)(2 * reach); }

/* Handle passing and collisions of kart a with all CPU karts from `first` on. rival: a's driver, 0 for the player. */
static void meet(Kart *a, Rival *rival, Rival *rivals, int first) {
    for (int i = first; i < RIVALS; i++) {
        Kart *b = &rivals[i].kart;
        fix dx = b->x - a->x, dz = b->z - a->z;
        if (!is_within(dx, PASSING) || !is_within(dz, PASSING)) continue;
        if (rival) pass(rival, b, dx, dz);
        pass(&rivals[i], a, -dx, -dz);
        if (is_within(dx, TOUCHING) && is_within(dz, TOUCHING)) collide(a, b, dx, dz);
    }
}

void rivals_step(Rival *rivals, const Course *course, Kart *player, fix goal) {
    if (player->kart_hit_pause) player->kart_hit_pause--;
    for (int i = 0; i < RIVALS; i++) {
        if (rivals[i].kart.kart_hit_pause) rivals[i].kart.kart_hit_pause--;
        drive(&rivals[i], course, goal);
    }
    meet(player, 0, rivals, 0);
    for (int i = 0; i < RIVALS; i++) meet(&rivals[i].kart, &rivals[i], rivals, i + 1);
}

int32_t rivals_place_of(const Rival *rivals, const Course *course, const Kart *player) {
    fix mine = kart_progress(player, course);
    int32_t place = 1;
    for (int i = 0; i < RIVALS; i++) place += kart_progress(&rivals[i].kart, course) > mine;
    return place;
}
