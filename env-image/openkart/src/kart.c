/* Driving: engine, brakes, steering, grip, hop and drift, grass, walls. */
#include "kart.h"

/* Metres per second and metres per second squared, to metres per VI (and per VI squared), s8.24. */
#define SPEED(ms) ((int32_t)((ms) * 16777216.0 / 60))
#define ACCELERATION(ms2) ((int32_t)((ms2) * 16777216.0 / 3600))

#define TOP_SPEED_MS 24.0 /* 86 km/h */
#define TOP_SPEED SPEED(TOP_SPEED_MS)
#define BOOST_SPEED SPEED(29.0)
#define GRASS_SPEED SPEED(9.0) /* the engine's top speed off road */
#define REVERSE_SPEED SPEED(6.0)
#define ENGINE_MS2 9.5 /* at speed 0; falls towards top speed */
#define ENGINE ACCELERATION(ENGINE_MS2)
#define BRAKES_MS2 17.0
#define BRAKES ACCELERATION(BRAKES_MS2)
#define ROLLING ACCELERATION(2.2)

/* A kart at full lock turns with a radius of TIGHTEST metres, or wider if its tyres do not hold that turn. */
#define TIGHTEST FIX(4.5)
#define TURN_ROAD_MS2 15
#define TURN_ROAD (3600 / TURN_ROAD_MS2) /* 1 / (15 m/s2) in VI2/m */
#define TURN_DRIFT (3600 / 22)
#define TURN_GRASS (3600 / 9)
#define GRIP_ROAD_MS2 16.5
#define GRIP_ROAD ACCELERATION(GRIP_ROAD_MS2)
#define GRIP_DRIFT ACCELERATION(21.0)
#define GRIP_GRASS ACCELERATION(10.0)

#define STEER_RATE 8 /* stick units per VI: full lock in 10 VIs */
#define STICK_MAX 80
#define DRIFT_STICK 20         /* a hop becomes a drift if the stick is at least this far to a side */
#define DRIFT_SPEED SPEED(8.0) /* a drift ends below this speed */
#define HOP FIX(0.055)         /* metres per VI upwards */
#define GRAVITY FIX(0.0075)
#define KART_RADIUS FIX(0.7)
#define HIT_SPEED SPEED(1.5) /* a touch of the wall slower than this does not count as a hit */
#define PIVOT 120000         /* angle units/256 per VI and stick unit when pushing against a wall or a kart */

void kart_place(Kart *kart, const Course *course, fix metres, fix lateral) {
    int32_t cells = 0;
    *kart = (Kart){0};
    while (metres < 0) metres += course->spacing, cells--;
    while (metres >= course->spacing) metres -= course->spacing, cells++;
    while (cells < 0) cells += course->count, kart->turns--;
    while (cells >= course->count) cells -= course->count, kart->turns++;
    const Sample *s = &course->samples[cells];
    kart->x = s->x + mul_shift(s->tx, metres, 14) + mul_shift(s->tz, lateral, 14);
    kart->z = s->z + mul_shift(s->tz, metres, 14) - mul_shift(s->tx, lateral, 14);
    kart->heading = angle_of(s->tx, s->tz) << 16;
    kart->place.sample = cells;
    course_locate(course, &kart->place, kart->x, kart->z);
}

fix kart_progress(const Kart *kart, const Course *course) {
    /* (sample + fraction) / samples: 8 + 16 bits fit unsigned */
    return kart->turns * FIX_ONE +
           (fix)((((uint32_t)kart->place.sample << 16) + (uint32_t)kart->place.fraction) / (uint32_t)course->count);
}

int32_t kart_heading_error(const Kart *kart) {
    return (int16_t)((kart->heading >> 16) - angle_of(kart->place.tx, kart->place.tz));
}

KartLimits kart_limits(const Course *course) {
    KartLimits limits = {
        .top_speed = FIX(TOP_SPEED_MS),
        .engine = FIX(ENGINE_MS2),
        .brakes = FIX(BRAKES_MS2),
        .turning = FIX(TURN_ROAD_MS2) * 256 / course->slippery,
        .gripping = mul_shift(FIX(GRIP_ROAD_MS2), course->grip, 8),
        .tightest = TIGHTEST,
        .radius = KART_RADIUS,
    };
    return limits;
}

static void hop_and_drift(Kart *kart, Pad pad) {
    int pressed = (pad.buttons & ~kart->held & PAD_R) != 0, held = (pad.buttons & PAD_R) != 0;
    int airborne = kart->y > 0 || kart->vy > 0;
    if (pressed && !airborne && !kart->drift) kart->vy = HOP, airborne = 1;
    if (airborne) {
        kart->y += kart->vy;
        kart->vy -= GRAVITY;
        if (kart->y <= 0) {
            kart->y = kart->vy = 0;
            if (held && iabs(pad.x) >= DRIFT_STICK && kart->speed > DRIFT_SPEED && !kart->off_road) {
                kart->drift = pad.x > 0 ? 1 : -1;
                kart->drift_time = 0;
            }
        }
    }
    if (!kart->drift) return;
    kart->drift_time++;
    if (held && kart->speed > DRIFT_SPEED && !kart->off_road) return;
    if (!held && kart->drift_time >= BOOST_DRIFT_TIME && kart->speed > DRIFT_SPEED) kart->boost = BOOST_TIME;
    kart->drift = 0;
}

static void engine_and_brakes(Kart *kart, Pad pad) {
    int32_t top = kart->boost ? BOOST_SPEED : TOP_SPEED, v = kart->speed;
    if (kart->boost) kart->boost--, v += ACCELERATION(8.0);
    if (pad.buttons & PAD_A) {
        int32_t push = mul_shift(ENGINE, FIX_ONE - (v * 16) / (top >> 12), 16); /* ENGINE (1 - v / top) */
        push += ENGINE / 10;
        if (push > ENGINE) push = ENGINE;
        if (v < top) v += push;
    }
    if (pad.buttons & PAD_B) {
        if (v > 0)
            v = v > BRAKES ? v - BRAKES : 0;
        else if (pad.y < -STICK_MAX / 2 && v > -REVERSE_SPEED)
            v -= ENGINE * 2 / 3;
    } else if (v < 0) {
        v = v < -BRAKES / 2 ? v + BRAKES / 2 : 0;
    }
    if (!(pad.buttons & (PAD_A | PAD_B)) && v > 0) v = v > ROLLING ? v - ROLLING : 0;
    if (v > top) v -= (v - top) >> 5;
    if (kart->off_road) {
        if (v > GRASS_SPEED) v -= (v - GRASS_SPEED) / 20 + ROLLING;
        if (v < -GRASS_SPEED / 3) v = -GRASS_SPEED / 3;
    }
    kart->speed = v;
}

/* Turn the nose by v / radius. Above the tyres' limit, the radius grows with the square of the speed. */
static void steering(Kart *kart, const Course *course, Pad pad) {
    int32_t stick = clamp(pad.x, -STICK_MAX, STICK_MAX);
    if (kart->drift)
        stick = clamp(stick / 2 + kart->drift * STICK_MAX / 2, -STICK_MAX, STICK_MAX); /* 0..80 to its side */
    kart->steer += clamp(stick - kart->steer, -STEER_RATE, STEER_RATE);
    fix v = kart->speed >> 8; /* s16.16 m/VI */
    int32_t limit = kart->off_road ? TURN_GRASS : kart->drift ? TURN_DRIFT : TURN_ROAD;
    fix radius = mul_shift(fix_mul(v, v) * limit, course->slippery, 8);
    if (radius < TIGHTEST) radius = TIGHTEST;
    int32_t turn = v * 10430 / (radius >> 8); /* 10430 = 65536 / 2 pi: 1/256 of 1/65536 turns per VI at full lock */
    kart->heading += (uint32_t)(turn * kart->steer / STICK_MAX) << 8;
    if (kart->touching && (pad.buttons & PAD_A) && iabs(v) < 6000) kart->heading += (uint32_t)(kart->steer * PIVOT);
}

/* The tyres reduce the speed across the nose up to their limit. The rest of it is a slide. */
static void grip(Kart *kart, const Course *course) {
    int32_t limit = kart->off_road ? GRIP_GRASS : kart->drift ? GRIP_DRIFT : GRIP_ROAD;
    if (kart->y > 0) limit /= 4;
    limit = mul_shift(limit, course->grip, 8);
    int32_t taken = clamp(kart->slip, -limit, limit);
    kart->slip -= taken;
}

/* Keep the kart between the walls: push it back, bounce it a little, and reduce its speed. */
static void walls(Kart *kart) {
    const Place *p = &kart->place;
    fix room = (p->lateral < 0 ? p->left : p->right) - KART_RADIUS, over = iabs(p->lateral) - room;
    if (kart->hit_pause) kart->hit_pause--;
    kart->touching = over > -FIX(0.15);
    if (over <= 0) return;
    int32_t side = p->lateral < 0 ? -1 : 1, nx = p->tz * side, nz = -p->tx * side; /* towards the wall, s1.14 */
    kart->x -= mul_shift(nx, over, 14);
    kart->z -= mul_shift(nz, over, 14);
    kart->place.lateral = side * room;
    int32_t into = mul_shift(kart->vx, nx, 14) + mul_shift(kart->vz, nz, 14);
    if (into <= 0) return;
    int32_t back = into + into / 4;
    kart->vx -= mul_shift(back, nx, 14);
    kart->vz -= mul_shift(back, nz, 14);
    kart->vx -= kart->vx / 64;
    kart->vz -= kart->vz / 64;
    if (into > HIT_SPEED && !kart->hit_pause) {
        kart->wall_hits++;
        kart->hit_pause = 20; /* VIs: one scrape is one hit */
        kart->drift = kart->boost = 0;
    }
}

void kart_step(Kart *kart, const Course *course, Pad pad) {
    hop_and_drift(kart, pad);
    kart->held = pad.buttons;

    int32_t s = sine(kart->heading >> 16), c = cosine(kart->heading >> 16);
    kart->speed = mul_shift(kart->vx, s, 14) + mul_shift(kart->vz, c, 14);
    kart->slip = mul_shift(kart->vx, c, 14) - mul_shift(kart->vz, s, 14);
    engine_and_brakes(kart, pad);
    grip(kart, course);
    kart->vx = mul_shift(kart->speed, s, 14) + mul_shift(kart->slip, c, 14);
    kart->vz = mul_shift(kart->speed, c, 14) - mul_shift(kart->slip, s, 14);
    steering(kart, course, pad);

    kart->x += kart->vx >> 8;
    kart->z += kart->vz >> 8;
    int moved = course_locate(course, &kart->place, kart->x, kart->z);
    if (moved > 0 && kart->place.sample == 0) kart->turns++;
    if (moved < 0 && kart->place.sample == course->count - 1) kart->turns--;
    walls(kart);
    fix kerb = (fix)course->samples[kart->place.sample].kerb * 256;
    kart->off_road = kart->y <= 0 && iabs(kart->place.lateral) > kart->place.half + kerb;
}
