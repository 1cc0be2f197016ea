/* The flat parts of a course: road, kerbs, lines.
 *
 * Two neighbouring lines across the course form quadrilaterals. Quadrilaterals of one kind never cover each other, so
 * they are drawn in any order. Far away, two cells of the course become one quadrilateral.
 */
#include "road.h"

#define KERBS_TO (60 * 256) /* s.8 metres: beyond this, only the road is drawn */
#define LINES_TO (35 * 256) /* beyond this, the white lines of straights are narrower than a pixel */
#define DASHES_TO (40 * 256)
#define DOUBLE_FROM (45 * 256)
#define SIDE_ROOM (16 * 256) /* a line is visible if its middle is at most this far outside the view */

Line lines[COURSE_MAX_SAMPLES + 1];

/* Uses arithmetic instead of branches where possible (see raster.h), because it runs for every sample, visible or not.
 */
static inline __attribute__((always_inline)) void make_line(const Camera *camera, const Sample *s, Line *line) {
    int32_t dx = (s->x - camera->x) >> 8, dz = (s->z - camera->z) >> 8;
    View middle = {(dx * camera->c - dz * camera->s) >> 14, (dx * camera->s + dz * camera->c) >> 14};
    int32_t room = iabs(middle.z) + SIDE_ROOM - iabs(middle.x); /* negative: beside the view */
    int32_t far = 90 * 256;                                     /* beyond this, the products above overflow */
    int32_t unseen = room | (middle.z + SIDE_ROOM) | (far - iabs(dx)) | (far - iabs(dz));
    line->seen = 0;
    if (unseen < 0) return;
    line->seen = 1;
    /* the normal to the right, rotated into the camera's frame */
    int32_t nx = (s->tz * camera->c + s->tx * camera->s) >> 14, nz = (s->tz * camera->s - s->tx * camera->c) >> 14;
    const int32_t at[MARKS] = {-s->left, -s->half - s->kerb, -s->half, s->half, s->half + s->kerb, s->right};
#pragma GCC unroll 6
    for (int i = 0; i < MARKS; i++) {
        line->view[i].x = middle.x + ((nx * at[i]) >> 14);
        line->view[i].z = middle.z + ((nz * at[i]) >> 14);
    }
    int32_t left = line->view[WALL_LEFT].z, right = line->view[WALL_RIGHT].z; /* the nearest mark is at one end */
    line->nearest = right + ((left - right) & ((left - right) >> 31));
    if (line->nearest < NEAR) return;
#pragma GCC unroll 6
    for (int i = 0; i < MARKS; i++) line->point[i] = camera_project(camera, line->view[i], 0);
}

/* Cut a polygon at z = NEAR (in place, room for n + 1 corners). Returns its new number of corners. */
static int clip(View *corner, int n) {
    View out[6];
    int made = 0;
    for (int i = 0; i < n; i++) {
        View a = corner[i], b = corner[i == n - 1 ? 0 : i + 1];
        if (a.z >= NEAR) out[made++] = a;
        if ((a.z >= NEAR) != (b.z >= NEAR)) {
            View front = a.z >= NEAR ? a : b, behind = a.z >= NEAR ? b : a; /* neighbours cut at the same point */
            out[made++] =
                (View){front.x + (behind.x - front.x) * ((front.z - NEAR) * 4096 / (front.z - behind.z)) / 4096, NEAR};
        }
    }
    for (int i = 0; i < made; i++) corner[i] = out[i];
    return made;
}

/* A flat quadrilateral given in the camera's frame. */
static __attribute__((noinline, section(".text.hot.road"))) void flat(const Camera *camera, View a, View b, View c,
                                                                      View d, Pixel colour) {
    View corner[6] = {a, b, c, d};
    int n = clip(corner, 4);
    if (n < 3) return;
    Point *point = raster_polygon(n, colour);
    for (int i = 0; i < n; i++) point[i] = camera_project(camera, corner[i], 0);
}

/* Returns whether two lines have points, and whether a part of the strip between their marks p and q is on the screen.
 */
static inline int in_picture(const Line *a, const Line *b, enum Mark p, enum Mark q) {
    int32_t right_of = (SCREEN_W * 16 - a->point[p].x) & (SCREEN_W * 16 - b->point[p].x); /* negative: both beyond */
    int32_t left_of = a->point[q].x & b->point[q].x;
    return (right_of | left_of) >= 0;
}

/* The strip between marks p and q of two lines. */
static inline void strip(const Camera *camera, const Line *a, const Line *b, enum Mark p, enum Mark q, Pixel colour) {
    if (((a->nearest - NEAR) | (b->nearest - NEAR)) < 0)
        flat(camera, a->view[p], b->view[p], b->view[q], a->view[q], colour);
    else if (in_picture(a, b, p, q))
        quad(a->point[p], b->point[p], b->point[q], a->point[q], colour);
}

static View between(View a, View b, int32_t part) { /* part in 1/64 */
    View view = {a.x + (b.x - a.x) * part / 64, a.z + (b.z - a.z) * part / 64};
    return view;
}

static void dash(const Camera *camera, const Line *a, const Line *b, Pixel colour) {
    flat(camera, between(a->view[ROAD_LEFT], a->view[ROAD_RIGHT], 31),
         between(b->view[ROAD_LEFT], b->view[ROAD_RIGHT], 31), between(b->view[ROAD_LEFT], b->view[ROAD_RIGHT], 33),
         between(a->view[ROAD_LEFT], a->view[ROAD_RIGHT], 33), colour);
}

/* Two rows of eight squares, 1.2 m each, from the start line on. */
static void chequer(const Camera *camera, const Line *a, const Line *b) {
    enum { ROW = 19 }; /* 1/64 of a cell */
    for (int row = 0; row < 2; row++) {
        View left0 = between(a->view[ROAD_LEFT], b->view[ROAD_LEFT], row * ROW),
             left1 = between(a->view[ROAD_LEFT], b->view[ROAD_LEFT], row * ROW + ROW);
        View right0 = between(a->view[ROAD_RIGHT], b->view[ROAD_RIGHT], row * ROW),
             right1 = between(a->view[ROAD_RIGHT], b->view[ROAD_RIGHT], row * ROW + ROW);
        for (int i = 0; i < 8; i++)
            flat(camera, between(left0, right0, i * 8), between(left1, right1, i * 8),
                 between(left1, right1, i * 8 + 8), between(left0, right0, i * 8 + 8),
                 (i + row) & 1 ? RGB(16, 16, 24) : RGB(248, 248, 248));
    }
}

/* Draws kerbs, or white lines on straights. They span the whole width, because the road is drawn over them. */
static inline void kerbs(const Camera *camera, const Course *course, int i) {
    const Theme *theme = &course->data->theme;
    int is_bend = (course->samples[i].kerb | course->samples[i + 1].kerb) > 128;
    if (lines[i].nearest > (is_bend ? KERBS_TO : LINES_TO)) return;
    strip(camera, &lines[i], &lines[i + 1], KERB_LEFT, KERB_RIGHT, is_bend ? theme->kerb[i & 1] : theme->line);
}

static void markings(const Camera *camera, const Course *course, int i) {
    const Line *a = &lines[i], *b = &lines[i + 1];
    if ((i & 3) < 2) dash(camera, a, b, course->data->theme.line);
    if (i == 0) chequer(camera, a, b);
}

__attribute__((section(".text.hot.road"), aligned(4096))) void road_draw(const Camera *camera, const Course *course) {
    int n = course->count;
    for (int i = 0; i < n; i++) make_line(camera, &course->samples[i], &lines[i]);
    lines[n] = lines[0];
    for (int i = 0; i < n; i++) /* all kerbs before the road: rounding can move a kerb's end onto the road */
        if (lines[i].seen & lines[i + 1].seen) kerbs(camera, course, i);
    for (int i = 0; i < n; i++) {
        if (!(lines[i].seen & lines[i + 1].seen)) continue;
        int is_double = !(i & 1) && lines[i].nearest > DOUBLE_FROM && i + 2 <= n && lines[i + 2].seen;
        strip(camera, &lines[i], &lines[i + 1 + is_double], ROAD_LEFT, ROAD_RIGHT,
              course->data->theme.road[i >> 1 & 1]);
        i += is_double;
    }
    for (int i = 0; i < n; i++)
        if ((lines[i].seen & lines[i + 1].seen) && (i & 2) == 0 && lines[i].nearest < DASHES_TO)
            markings(camera, course, i);
    raster_flush();
}
