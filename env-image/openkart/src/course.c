/* Course building: control points -> Catmull-Rom curve -> samples at equal distances -> tangents, kerbs, walls,
 * decoration.
 */
#include "course.h"

#include "decor.h"

#define FINE 32 /* points of the curve between two control points while it is measured */

/* Catmull-Rom through p1 and p2, t in [0, FINE); integers in, s16.16 out. */
static fix spline(int32_t p0, int32_t p1, int32_t p2, int32_t p3, int32_t t) {
    int32_t t2 = t * t, t3 = t2 * t; /* up to 2^15, scaled by FINE^2 and FINE^3 */
    int32_t a = 2 * p1, b = p2 - p0, c = 2 * p0 - 5 * p1 + 4 * p2 - p3, d = 3 * p1 - p0 - 3 * p2 + p3;
    /* 2 * value * FINE^3 = a FINE^3 + b t FINE^2 + c t2 FINE + d t3: 2^16 * 2^12 at most */
    return a * FIX_ONE / 2 + b * t * (FIX_ONE / 2 / FINE) + c * t2 * (FIX_ONE / 2 / FINE / FINE) + d * t3;
}

static const ControlPoint *control(const CourseData *data, int i) {
    while (i < 0) i += data->count;
    while (i >= data->count) i -= data->count;
    return &data->points[i];
}

static void curve(const CourseData *data, int span, int32_t t, fix *x, fix *z) {
    const ControlPoint *p0 = control(data, span - 1), *p1 = control(data, span), *p2 = control(data, span + 1),
                       *p3 = control(data, span + 2);
    *x = spline(p0->x, p1->x, p2->x, p3->x, t);
    *z = spline(p0->z, p1->z, p2->z, p3->z, t);
}

/* Length of (dx, dz), s16.16 metres, for short vectors (below 16 m). */
static fix length_of(fix dx, fix dz) {
    int32_t x = dx >> 5, z = dz >> 5; /* 11 fraction bits: squares fit */
    return (fix)isqrt((uint32_t)(x * x) + (uint32_t)(z * z)) << 5;
}

static int16_t between(int a, int b, int32_t t) { /* decimetres to s8.8 metres */
    return (int16_t)((a * FINE + (b - a) * t) * 256 / (10 * FINE));
}

/* Walk the curve in fine steps and add a sample every `spacing` metres. Returns the curve's length. */
static fix walk(Course *course, const CourseData *data, fix spacing) {
    fix gone = 0, next = 0, x, z, fx, fz;
    int made = 0;
    curve(data, 0, 0, &x, &z);
    for (int span = 0; span < data->count; span++) {
        const ControlPoint *here = control(data, span), *there = control(data, span + 1);
        for (int32_t t = 0; t < FINE; t++) {
            if (t == FINE - 1)
                curve(data, span + 1, 0, &fx, &fz);
            else
                curve(data, span, t + 1, &fx, &fz);
            fix step = length_of(fx - x, fz - z);
            while (spacing && made < course->count && next < gone + step) {
                Sample *s = &course->samples[made++];
                fix part = step ? ((next - gone) << 8) / (step >> 8 ? step >> 8 : 1) : 0; /* s16.16 of this fine step */
                s->x = x + fix_mul(fx - x, part);
                s->z = z + fix_mul(fz - z, part);
                s->half = between(here->half_width, there->half_width, t);
                s->left = between(here->left, there->left, t);
                s->right = between(here->right, there->right, t);
                next += spacing;
            }
            gone += step;
            x = fx;
            z = fz;
        }
    }
    return gone;
}

/* Unit vector s1.14 along (dx, dz), metres s16.16, up to 16 m. */
static void normalise(fix dx, fix dz, int16_t *tx, int16_t *tz) {
    int32_t length = length_of(dx, dz) >> 6;
    if (length == 0) length = 1;
    *tx = (int16_t)((dx >> 6) * 16384 / length);
    *tz = (int16_t)((dz >> 6) * 16384 / length);
}

static void shape(Course *course) {
    int n = course->count;
    Sample *s = course->samples;
    for (int i = 0; i < n; i++) {
        const Sample *before = &s[i == 0 ? n - 1 : i - 1], *after = &s[i == n - 1 ? 0 : i + 1];
        normalise(after->x - before->x, after->z - before->z, &s[i].tx, &s[i].tz);
        s[i].heading = (uint16_t)angle_of(s[i].tx, s[i].tz);
    }
    for (int i = 0; i < n; i++) {
        const Sample *after = &s[i == n - 1 ? 0 : i + 1];
        s[i].bend = (int16_t)((s[i].tz * after->tx - s[i].tx * after->tz) >> 14);
    }
    for (int i = 0; i < n; i++) {
        const Sample *before = &s[i == 0 ? n - 1 : i - 1], *after = &s[i == n - 1 ? 0 : i + 1];
        int32_t bend = (before->bend + 2 * s[i].bend + after->bend) / 4;
        s[i].kerb = iabs(bend) > 800 ? 256 : 90; /* a kerb in bends tighter than about 80 m, else a white line */
        if (iabs(bend) > 300) { /* the inner wall must not reach the bend's centre, where cells would overlap */
            int32_t room = (course->spacing >> 8) * 16384 / iabs(bend) * 7 / 8;
            int16_t *inner = bend > 0 ? &s[i].right : &s[i].left;
            if (room < s[i].half + 256) room = s[i].half + 256;
            if (*inner > room) *inner = (int16_t)room;
        }
    }
    s[n] = s[0];
}

/* Returns whether (x, z), s11.4 metres, is at least `clear` metres outside all walls. */
static int is_outside(const Course *course, int32_t x, int32_t z, int32_t clear) {
    for (int i = 0; i < course->count; i += 2) {
        const Sample *s = &course->samples[i];
        int32_t dx = (x - (s->x >> 12)) >> 2, dz = (z - (s->z >> 12)) >> 2; /* quarter metres */
        int32_t reach = ((s->left > s->right ? s->left : s->right) >> 6) + 4 * clear;
        if (dx * dx + dz * dz < reach * reach) return 0;
    }
    return 1;
}

void course_decorate(Course *course) {
    const Theme *theme = &course->data->theme;
    uint32_t state = theme->seed;
    course->decors = 0;
    for (int i = 0; i < course->count; i++) {
        const Sample *s = &course->samples[i];
        for (int side = -1; side <= 1; side += 2) {
            int32_t wall = side < 0 ? s->left : s->right, roll = next_random(&state), away = next_random(&state) & 4095;
            int kind = theme->decor[(roll >> 8) & 1];
            const DecorSize *size = &decor_sizes[kind];
            int32_t lateral = (wall + size->behind * 256 + away * size->spread / 16) * side; /* s8.8 */
            int32_t x = (s->x >> 12) + ((s->tz * lateral) >> 18), z = (s->z >> 12) - ((s->tx * lateral) >> 18);
            if ((roll & 255) >= theme->density || course->decors == COURSE_MAX_DECORS ||
                !is_outside(course, x, z, size->clear))
                continue;
            Decor *decor = &course->decor[course->decors++];
            decor->x = (int16_t)x;
            decor->z = (int16_t)z;
            decor->kind = (uint8_t)kind;
            decor->height = (uint8_t)(size->height + ((roll >> 9) & size->taller));
        }
    }
}

void course_lay(Course *course, const CourseData *data) {
    course->data = data;
    course->count = 0;
    fix length = walk(course, data, 0);
    course->count = length / SAMPLE_SPACING;
    if (course->count > COURSE_MAX_SAMPLES) course->count = COURSE_MAX_SAMPLES;
    course->spacing = length / course->count;
    course->cells = (10 << 24) / (course->spacing >> 8);
    course->grip = data->theme.grip * 256 / 100;
    course->slippery = 256 * 200 / (data->theme.grip + 100); /* the nose turns faster than the tyres can follow */
    course->serial++;
    walk(course, data, course->spacing);
    shape(course);
}

void course_build(Course *course, const CourseData *data) {
    course_lay(course, data);
    course_decorate(course);
}

void course_mirror(Course *course) {
    for (int i = 0; i <= course->count; i++) {
        Sample *s = &course->samples[i];
        int16_t left = s->left;
        s->left = s->right, s->right = left;
        s->x = -s->x;
        s->tx = (int16_t)-s->tx;
        s->bend = (int16_t)-s->bend;
        s->heading = (uint16_t)-s->heading;
    }
    for (int i = 0; i < course->decors; i++) course->decor[i].x = (int16_t)-course->decor[i].x;
}

/* Signed distance from the plane through a sample, across the course; metres s16.16. */
static inline fix ahead(const Sample *s, fix x, fix z) {
    return mul_shift(x - s->x, s->tx, 14) + mul_shift(z - s->z, s->tz, 14);
}

int course_locate(const Course *course, Place *place, fix x, fix z) {
    int moved = 0;
    const Sample *s = &course->samples[place->sample];
    fix from = ahead(s, x, z), to = ahead(s + 1, x, z);
    if (to >= 0 && from >= 0) {
        moved = 1;
        place->sample = place->sample + 1 == course->count ? 0 : place->sample + 1;
    } else if (from < 0 && to < 0) {
        moved = -1;
        place->sample = place->sample == 0 ? course->count - 1 : place->sample - 1;
    }
    if (moved) {
        s = &course->samples[place->sample];
        from = ahead(s, x, z), to = ahead(s + 1, x, z);
    }
    fix span = (from - to) >> 8;
    place->fraction = span > 0 ? clamp(from, -FIX(64), FIX(64)) * 256 / span : 0;
    place->fraction = clamp(place->fraction, 0, FIX_ONE - 1);
    fix f = place->fraction;
    place->tx = s[0].tx + mul_shift(s[1].tx - s[0].tx, f, 16);
    place->tz = s[0].tz + mul_shift(s[1].tz - s[0].tz, f, 16);
    fix cx = s[0].x + fix_mul(s[1].x - s[0].x, f), cz = s[0].z + fix_mul(s[1].z - s[0].z, f);
    place->lateral = mul_shift(x - cx, place->tz, 14) - mul_shift(z - cz, place->tx, 14);
    place->half = (s[0].half + mul_shift(s[1].half - s[0].half, f, 16)) * 256;
    place->left = (s[0].left + mul_shift(s[1].left - s[0].left, f, 16)) * 256;
    place->right = (s[0].right + mul_shift(s[1].right - s[0].right, f, 16)) * 256;
    return moved;
}

int32_t course_heading_ahead(const Course *course, const Place *place, fix cells) {
    uint32_t at = ((uint32_t)place->sample << 16) + (uint32_t)(place->fraction + cells);
    uint32_t cell = at >> 16;
    if (cell >= (uint32_t)course->count) cell -= (uint32_t)course->count;
    const Sample *s = &course->samples[cell];
    return s[0].heading + (((int16_t)(s[1].heading - s[0].heading) * (int32_t)(at >> 4 & 4095)) >> 12);
}
