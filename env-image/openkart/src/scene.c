/* Road, walls, trees and kart.
 *
 * Each sample of the course gives a line across it with six marks: walls, outer edges of the kerbs, edges of the road.
 * Two neighbouring lines make quadrilaterals. Those on the ground never cover each other and are drawn as they come; what
 * stands upright is put into buckets by its distance and drawn from the farthest bucket to the nearest.
 */
#include "scene.h"

#include "kartmodel.h"
#include "trees.h"

#define KERBS_TO (60 * 256)  /* s.8 metres: farther away only the road itself is drawn */
#define LINES_TO (35 * 256)  /* the white lines of straights are less than a pixel wide there */
#define DASHES_TO (40 * 256)
#define CHEQUER_TO (45 * 256)
#define WALL_HEIGHT 220      /* 0.86 m, s.8 */
#define WALL_CAP 50          /* 0.2 m of it are the cap */
#define SIDE_ROOM (16 * 256) /* how far beside the view's edge a line's middle may be and still matter */

enum Mark { WALL_LEFT, KERB_LEFT, ROAD_LEFT, ROAD_RIGHT, KERB_RIGHT, WALL_RIGHT, MARKS };

typedef struct {
    int32_t seen;    /* 0: none of it matters in this picture */
    int32_t nearest; /* smallest z of the marks */
    View view[MARKS];
    Point point[MARKS]; /* valid if nearest >= NEAR */
} Line;

static Line lines[COURSE_MAX_SAMPLES + 1];

#define BUCKETS 128 /* of one metre */
#define MAX_ITEMS 768

enum ItemKind { ITEM_WALL, ITEM_TREE, ITEM_KART };

typedef struct {
    int16_t next, index;
    uint8_t kind, side;
} Item;

static int16_t buckets[BUCKETS];
static Item items[MAX_ITEMS];
static int item_count;

static void put(int32_t z, enum ItemKind kind, int index, int side) {
    int bucket = z >> 8;
    if (bucket < 0 || bucket >= BUCKETS || item_count == MAX_ITEMS) return;
    items[item_count] = (Item){buckets[bucket], (int16_t)index, (uint8_t)kind, (uint8_t)side};
    buckets[bucket] = (int16_t)item_count++;
}

static void make_line(const Camera *camera, const Sample *s, Line *line) {
    line->seen = 0;
    if (!camera_sees(camera, s->x, s->z)) return;
    View middle = camera_view(camera, s->x, s->z);
    if (middle.z < -SIDE_ROOM || iabs(middle.x) > iabs(middle.z) + SIDE_ROOM) return;
    line->seen = 1;
    /* the normal to the right, turned into the camera's frame */
    int32_t nx = (s->tz * camera->c + s->tx * camera->s) >> 14, nz = (s->tz * camera->s - s->tx * camera->c) >> 14;
    int32_t at[MARKS] = {-s->left, -s->half - s->kerb, -s->half, s->half, s->half + s->kerb, s->right};
    int32_t nearest = FAR;
    for (int i = 0; i < MARKS; i++) {
        View view = {middle.x + ((nx * at[i]) >> 14), middle.z + ((nz * at[i]) >> 14)};
        line->view[i] = view;
        if (view.z < nearest) nearest = view.z;
        if (view.z >= NEAR) line->point[i] = camera_project(camera, view, 0);
    }
    line->nearest = nearest;
}

static inline void quad(Point a, Point b, Point c, Point d, Pixel colour) {
    Point *corner = raster_polygon(4, colour);
    corner[0] = a;
    corner[1] = b;
    corner[2] = c;
    corner[3] = d;
}

/* Cut a polygon at z = NEAR (in place, room for n + 1 corners). Returns its new number of corners. */
static int clip(View *corner, int n) {
    View out[6];
    int made = 0;
    for (int i = 0; i < n; i++) {
        View a = corner[i], b = corner[i == n - 1 ? 0 : i + 1];
        if (a.z >= NEAR) out[made++] = a;
        if ((a.z >= NEAR) != (b.z >= NEAR)) {
            View front = a.z >= NEAR ? a : b, behind = a.z >= NEAR ? b : a; /* neighbours must cut alike */
            out[made++] = (View){front.x + (behind.x - front.x) * ((front.z - NEAR) * 4096 / (front.z - behind.z)) / 4096, NEAR};
        }
    }
    for (int i = 0; i < made; i++) corner[i] = out[i];
    return made;
}

/* A flat quadrilateral given in the camera's frame. */
static void flat(const Camera *camera, View a, View b, View c, View d, Pixel colour) {
    View corner[6] = {a, b, c, d};
    int n = clip(corner, 4);
    if (n < 3) return;
    Point *point = raster_polygon(n, colour);
    for (int i = 0; i < n; i++) point[i] = camera_project(camera, corner[i], 0);
}

/* The strip between marks p and q of two lines. */
static void strip(const Camera *camera, const Line *a, const Line *b, enum Mark p, enum Mark q, Pixel colour) {
    if (a->nearest >= NEAR && b->nearest >= NEAR) {
        quad(a->point[p], b->point[p], b->point[q], a->point[q], colour);
    } else {
        flat(camera, a->view[p], b->view[p], b->view[q], a->view[q], colour);
    }
}

static View between(View a, View b, int32_t part) { /* part in 1/64 */
    View view = {a.x + (b.x - a.x) * part / 64, a.z + (b.z - a.z) * part / 64};
    return view;
}

static void dash(const Camera *camera, const Line *a, const Line *b, Pixel colour) {
    flat(camera, between(a->view[ROAD_LEFT], a->view[ROAD_RIGHT], 31), between(b->view[ROAD_LEFT], b->view[ROAD_RIGHT], 31),
         between(b->view[ROAD_LEFT], b->view[ROAD_RIGHT], 33), between(a->view[ROAD_LEFT], a->view[ROAD_RIGHT], 33), colour);
}

/* Two rows of eight squares, 1.2 m each, from the start line on. */
static void chequer(const Camera *camera, const Line *a, const Line *b) {
    enum { ROW = 19 }; /* 1/64 of a cell */
    for (int row = 0; row < 2; row++) {
        View left0 = between(a->view[ROAD_LEFT], b->view[ROAD_LEFT], row * ROW), left1 = between(a->view[ROAD_LEFT], b->view[ROAD_LEFT], row * ROW + ROW);
        View right0 = between(a->view[ROAD_RIGHT], b->view[ROAD_RIGHT], row * ROW), right1 = between(a->view[ROAD_RIGHT], b->view[ROAD_RIGHT], row * ROW + ROW);
        for (int i = 0; i < 8; i++)
            flat(camera, between(left0, right0, i * 8), between(left1, right1, i * 8), between(left1, right1, i * 8 + 8),
                 between(left0, right0, i * 8 + 8), (i + row) & 1 ? RGB(16, 16, 24) : RGB(248, 248, 248));
    }
}

/* Kerbs, or a white line where it is straight: as wide as the road, which comes on top. */
static void kerbs(const Camera *camera, const Course *course, int i) {
    const Theme *theme = &course->data->theme;
    int is_bend = course->samples[i].kerb > 128 || course->samples[i + 1].kerb > 128;
    if (lines[i].nearest > (is_bend ? KERBS_TO : LINES_TO)) return;
    strip(camera, &lines[i], &lines[i + 1], KERB_LEFT, KERB_RIGHT, is_bend ? theme->kerb[i & 1] : theme->line);
}

static void road(const Camera *camera, const Course *course, int i) {
    const Theme *theme = &course->data->theme;
    const Line *a = &lines[i], *b = &lines[i + 1];
    strip(camera, a, b, ROAD_LEFT, ROAD_RIGHT, theme->road[i >> 1 & 1]);
    if ((i & 3) < 2 && a->nearest < DASHES_TO) dash(camera, a, b, theme->line);
    if (i == 0 && a->nearest < CHEQUER_TO) chequer(camera, a, b);
}

static void wall(const Camera *camera, const Course *course, int i, enum Mark mark) {
    const Theme *theme = &course->data->theme;
    View corner[3] = {lines[i].view[mark], lines[i + 1].view[mark]};
    if (corner[0].z < NEAR && corner[1].z < NEAR) return;
    if (corner[0].z < NEAR || corner[1].z < NEAR) {
        int away = corner[0].z < NEAR;
        View a = corner[!away ? 0 : 1], b = corner[away ? 0 : 1]; /* a is visible */
        corner[!away ? 1 : 0] = (View){a.x + (b.x - a.x) * ((a.z - NEAR) * 4096 / (a.z - b.z)) / 4096, NEAR};
    }
    Point a = camera_project(camera, corner[0], 0), b = camera_project(camera, corner[1], 0);
    if ((a.x < 0 && b.x < 0) || (a.x > SCREEN_W * 16 && b.x > SCREEN_W * 16)) return;
    Point a2 = camera_project(camera, corner[0], WALL_HEIGHT - WALL_CAP), b2 = camera_project(camera, corner[1], WALL_HEIGHT - WALL_CAP);
    Point a3 = camera_project(camera, corner[0], WALL_HEIGHT), b3 = camera_project(camera, corner[1], WALL_HEIGHT);
    quad(a, b, b2, a2, theme->wall[i & 1]);
    quad(a2, b2, b3, a3, theme->wall_top);
}

static void tree(const Camera *camera, const Course *course, int i) {
    const Tree *t = &course->tree[i];
    View view = camera_view(camera, t->x << 12, t->z << 12);
    int32_t high = mul_shift(t->height * 26, camera_scale(view.z), 16); /* 26 = 256 / 10: decimetres to s.8 metres */
    sprite_draw_scaled(&tree_sprites[t->kind], camera_project(camera, view, 0), high);
}

static void draw_kart(const Camera *camera, const Kart *kart) {
    View view = camera_view(camera, kart->x, kart->z);
    if (view.z < NEAR) return;
    Point ground = camera_project(camera, view, 0), foot = camera_project(camera, view, kart->y >> 8);
    kartmodel_draw(kart, camera->heading, ground, foot);
}

static void sort_items(const Camera *camera, const Course *course, const Kart *kart) {
    item_count = 0;
    for (int i = 0; i < BUCKETS; i++) buckets[i] = -1;
    for (int i = 0; i < course->count; i++) {
        const Line *a = &lines[i], *b = &lines[i + 1];
        if (!a->seen || !b->seen) continue;
        put((a->view[WALL_LEFT].z + b->view[WALL_LEFT].z) >> 1, ITEM_WALL, i, WALL_LEFT);
        put((a->view[WALL_RIGHT].z + b->view[WALL_RIGHT].z) >> 1, ITEM_WALL, i, WALL_RIGHT);
    }
    for (int i = 0; i < course->trees; i++) {
        fix x = course->tree[i].x << 12, z = course->tree[i].z << 12;
        if (!camera_sees(camera, x, z)) continue;
        View view = camera_view(camera, x, z);
        if (view.z >= NEAR && iabs(view.x) < view.z + 512) put(view.z, ITEM_TREE, i, 0);
    }
    if (kart) put(camera_view(camera, kart->x, kart->z).z, ITEM_KART, 0, 0);
}

void scene_draw(const Camera *camera, const Course *course, const Kart *kart) {
    int n = course->count;
    for (int i = 0; i < n; i++) make_line(camera, &course->samples[i], &lines[i]);
    lines[n] = lines[0];
    for (int i = 0; i < n; i++) /* all kerbs before any road: a kerb's end may round onto the next piece of road */
        if (lines[i].seen && lines[i + 1].seen) kerbs(camera, course, i);
    for (int i = 0; i < n; i++)
        if (lines[i].seen && lines[i + 1].seen) road(camera, course, i);
    sort_items(camera, course, kart);
    for (int bucket = BUCKETS - 1; bucket >= 0; bucket--)
        for (int item = buckets[bucket]; item >= 0; item = items[item].next)
            switch (items[item].kind) {
            case ITEM_WALL:
                wall(camera, course, items[item].index, items[item].side);
                break;
            case ITEM_TREE:
                raster_flush();
                tree(camera, course, items[item].index);
                break;
            default:
                raster_flush();
                draw_kart(camera, kart);
            }
    raster_flush();
}
