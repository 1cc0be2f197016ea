/* The upright objects: walls, decoration, karts. They are sorted into buckets by distance and drawn from the farthest
 * bucket to the nearest. The ground is drawn before them, see road.c.
 */
#include "scene.h"

#include "kartmodel.h"
#include "road.h"
#include "decor.h"

#define CAPS_TO (40 * 256)     /* s.8 metres: beyond this, a wall has no cap ... */
#define DOUBLE_FROM (45 * 256) /* ... and beyond this, one wall spans two cells of the course */
#define WALL_HEIGHT 220        /* 0.86 m, s.8 */
#define WALL_CAP 50            /* the upper 0.2 m of a wall are its cap */

#define DECOR_TO FIX(70) /* metres, in x and in z */
#define BUCKETS 128      /* of one metre */
#define MAX_ITEMS 768

enum ItemKind { ITEM_WALL, ITEM_DECOR, ITEM_KART };

typedef struct {
    int16_t next, index;
    uint8_t kind, side;
} Item;

static int16_t buckets[BUCKETS];
static Item items[MAX_ITEMS];
static int item_count;

static inline void put(int32_t z, enum ItemKind kind, int index, int side) {
    int bucket = z >> 8;
    if (bucket < 0 || bucket >= BUCKETS || item_count == MAX_ITEMS) return;
    items[item_count] = (Item){buckets[bucket], (int16_t)index, (uint8_t)kind, (uint8_t)side};
    buckets[bucket] = (int16_t)item_count++;
}

/* Cuts a wall at the camera's near plane. Returns 0 if no part of the wall is left. */
static __attribute__((noinline)) int cut(const Camera *camera, View a, View b, Point *from, Point *to) {
    if (a.z < NEAR && b.z < NEAR) return 0;
    View front = a.z >= NEAR ? a : b, behind = a.z >= NEAR ? b : a;
    if (behind.z < NEAR)
        behind = (View){front.x + (behind.x - front.x) * ((front.z - NEAR) * 4096 / (front.z - behind.z)) / 4096, NEAR};
    *from = camera_project(camera, front, 0);
    *to = camera_project(camera, behind, 0);
    return 1;
}

/* Returns the screen point at `height` above a ground point. ratio is (camera's height - height) / camera's height,
 * s.12.
 */
static inline Point raised(const Camera *camera, Point ground, int32_t ratio) {
    int32_t horizon = camera->horizon * 16;
    return (Point){ground.x, horizon + (((ground.y - horizon) * ratio) >> 12)};
}

/* The wall along `mark` from line i to line `end`. */
static inline void wall(const Camera *camera, const Theme *theme, int i, int end, enum Mark mark,
                        const int32_t *ratios) {
    Point a = lines[i].point[mark], b = lines[end].point[mark];
    if (((lines[i].nearest - NEAR) | (lines[end].nearest - NEAR)) < 0 &&
        !cut(camera, lines[i].view[mark], lines[end].view[mark], &a, &b))
        return;
    if (((a.x & b.x) | ((SCREEN_W * 16 - a.x) & (SCREEN_W * 16 - b.x))) < 0) return; /* both beyond the same edge */
    Point top_a = raised(camera, a, ratios[1]), top_b = raised(camera, b, ratios[1]);
    if (lines[i].nearest > CAPS_TO) {
        quad(a, b, top_b, top_a, theme->wall[(end - i == 2 ? i >> 1 : i) & 1]);
        return;
    }
    Point cap_a = raised(camera, a, ratios[0]), cap_b = raised(camera, b, ratios[0]);
    quad(a, b, cap_b, cap_a, theme->wall[i & 1]);
    quad(cap_a, cap_b, top_b, top_a, theme->wall_top);
}

static void decoration(const Camera *camera, const Course *course, int i) {
    const Decor *d = &course->decor[i];
    View view = camera_view(camera, d->x << 12, d->z << 12);
    int32_t high = mul_shift(d->height * 26, camera_scale(view.z), 16); /* 26 = 256 / 10: decimetres to s.8 metres */
    sprite_draw_scaled(&decor_sprites[d->kind], camera_project(camera, view, 0), high);
}

/* The player's kart for 0, else a CPU kart. */
static inline const Kart *kart_of(const Game *game, int index) {
    return index == 0 ? &game->kart : &game->rivals[index - 1].kart;
}

static void draw_kart(const Camera *camera, const Kart *kart, int livery, Pixel earth) {
    View view = camera_view(camera, kart->x, kart->z);
    if (view.z < NEAR) return;
    Point ground = camera_project(camera, view, 0), foot = camera_project(camera, view, kart->y >> 8);
    if (livery)
        kartmodel_draw_rival(kart, livery - 1, camera->heading, ground, view.z);
    else
        kartmodel_draw(kart, camera->heading, ground, foot, earth);
}

static inline void sort_items(const Camera *camera, const Course *course, const Game *game) {
    item_count = 0;
    for (int i = 0; i < BUCKETS; i += 4) buckets[i] = buckets[i + 1] = buckets[i + 2] = buckets[i + 3] = -1;
    for (int i = 0; i < course->count; i++) {
        const Line *a = &lines[i], *b = &lines[i + 1];
        if (!(a->seen & b->seen)) continue;
        int is_double = !(i & 1) && a->nearest > DOUBLE_FROM && i + 2 <= course->count && lines[i + 2].seen;
        put((a->view[WALL_LEFT].z + b->view[WALL_LEFT].z) >> 1, ITEM_WALL, i, WALL_LEFT + is_double * MARKS);
        put((a->view[WALL_RIGHT].z + b->view[WALL_RIGHT].z) >> 1, ITEM_WALL, i, WALL_RIGHT + is_double * MARKS);
        i += is_double;
    }
    for (int i = 0; i < course->decors; i++) {
        fix x = course->decor[i].x << 12, z = course->decor[i].z << 12;
        View view = camera_view(camera, x, z);
        int32_t dx = iabs(x - camera->x), dz = iabs(z - camera->z);
        if (((DECOR_TO - dx) | (DECOR_TO - dz) | (view.z - NEAR) | (view.z + 512 - iabs(view.x))) < 0) continue;
        put(view.z, ITEM_DECOR, i, 0);
    }
    for (int i = 0; game && i < game->karts; i++) {
        const Kart *kart = kart_of(game, i);
        if (camera_sees(camera, kart->x, kart->z)) put(camera_view(camera, kart->x, kart->z).z, ITEM_KART, i, 0);
    }
}

__attribute__((section(".text.hot.scene"), aligned(4096))) void scene_draw(const Camera *camera, const Course *course,
                                                                           const Game *game) {
    const int32_t ratios[2] = {(camera->height - WALL_HEIGHT + WALL_CAP) * 4096 / camera->height,
                               (camera->height - WALL_HEIGHT) * 4096 / camera->height};
    const Theme *theme = &course->data->theme;
    road_draw(camera, course);
    sort_items(camera, course, game);
    for (int bucket = BUCKETS - 1; bucket >= 0; bucket--)
        for (int index = buckets[bucket]; index >= 0; index = items[index].next) {
            const Item *item = &items[index];
            if (item->kind == ITEM_WALL) {
                int is_double = item->side >= MARKS;
                wall(camera, theme, item->index, item->index + 1 + is_double, item->side - (is_double ? MARKS : 0),
                     ratios);
            } else {
                raster_flush();
                if (item->kind == ITEM_DECOR)
                    decoration(camera, course, item->index);
                else
                    draw_kart(camera, kart_of(game, item->index), item->index, theme->dust);
            }
        }
    raster_flush();
}
