/* The model consists of boxes, wheels and a helmet, in centimetres. It is drawn at three times its size, with light
 * from the upper left. Shrinking the picture to sprites smooths the edges.
 */
#include "kartmodel.h"

#include "camera.h"
#include "rivals.h"
#include "sprite.h"

#define DIRECTIONS 64
#define W 40
#define H 38
#define SCALE 3
#define EYE_BACK 480 /* centimetres: the camera's distance in a race */
#define EYE_UP 220
#define REAR_ROWS 9 /* the rear wheels touch the ground this many rows below the kart's middle */
#define MAX_FACES 256

typedef struct {
    int32_t x, y, z; /* right, up, forward; centimetres */
} Corner;

typedef struct {
    Corner corner[4];
    uint8_t red, green, blue;
} Face;

typedef struct {
    int32_t red, green, blue;
} Paint;

static const Paint RED = {228, 44, 36}, DARK = {52, 52, 60}, GREY = {168, 172, 184}, STEEL = {96, 100, 116},
                   BLUE = {48, 88, 208}, WHITE = {248, 248, 248}, YELLOW = {252, 204, 40}, SKIN = {248, 200, 160},
                   RUBBER = {44, 44, 48};

static Face faces[MAX_FACES];
static int face_count;
static int16_t order[MAX_FACES]; /* of drawing */
static Sprite sprites[DIRECTIONS];
static Pixel pixels[DIRECTIONS][W * H];

static void face(Corner a, Corner b, Corner c, Corner d, Paint paint) {
    while (face_count == MAX_FACES) { /* the table is too small; parallel_n64 lacks the conditional trap */
    }
    faces[face_count++] = (Face){{a, b, c, d}, (uint8_t)paint.red, (uint8_t)paint.green, (uint8_t)paint.blue};
}

/* A box between z0 and z1 whose ends may differ in width and height: half-widths w, bottoms b, tops t. */
static void box(int cx, int z0, int w0, int b0, int t0, int z1, int w1, int b1, int t1, Paint paint) {
    Corner p[8] = {
        {cx - w0, b0, z0}, {cx + w0, b0, z0}, {cx + w0, t0, z0}, {cx - w0, t0, z0},
        {cx - w1, b1, z1}, {cx + w1, b1, z1}, {cx + w1, t1, z1}, {cx - w1, t1, z1},
    };
    face(p[0], p[1], p[2], p[3], paint); /* back */
    face(p[5], p[4], p[7], p[6], paint); /* front */
    face(p[4], p[0], p[3], p[7], paint); /* left */
    face(p[1], p[5], p[6], p[2], paint); /* right */
    face(p[3], p[2], p[6], p[7], paint); /* top */
}

static void wheel(int cx, int cz, int radius, int half) {
    for (int i = 0; i < 10; i++) {
        uint32_t a = (uint32_t)i * 6554, b = a + 6554;
        int32_t y0 = radius + ((radius * sine(a)) >> 14), z0 = cz + ((radius * cosine(a)) >> 14);
        int32_t y1 = radius + ((radius * sine(b)) >> 14), z1 = cz + ((radius * cosine(b)) >> 14);
        for (int side = -1; side <= 1; side += 2) {
            int32_t x = cx + side * half;
            Corner rim0 = {x, y0, z0}, rim1 = {x, y1, z1}, hub = {x, radius, cz};
            Corner in0 = {x, (y0 + radius) / 2, (z0 + cz) / 2}, in1 = {x, (y1 + radius) / 2, (z1 + cz) / 2};
            if (side * cx > 0) {
                face(rim0, rim1, in1, in0, RUBBER);
                face(in0, in1, hub, hub, GREY);
            }
        }
        Corner l0 = {cx - half, y0, z0}, l1 = {cx - half, y1, z1}, r0 = {cx + half, y0, z0}, r1 = {cx + half, y1, z1};
        face(l0, l1, r1, r0, RUBBER);
    }
}

static void helmet(int cy, int cz, int radius) {
    for (int ring = 0; ring < 4; ring++)
        for (int i = 0; i < 8; i++) {
            uint32_t low = (uint32_t)(ring * 8192 - 16384), high = low + 8192, a = (uint32_t)i * 8192, b = a + 8192;
            int rl = (radius * cosine(low)) >> 14, yl = (radius * sine(low)) >> 14;
            int rh = (radius * cosine(high)) >> 14, yh = (radius * sine(high)) >> 14;
            Corner c0 = {(rl * sine(a)) >> 14, cy + yl, cz + ((rl * cosine(a)) >> 14)},
                   c1 = {(rl * sine(b)) >> 14, cy + yl, cz + ((rl * cosine(b)) >> 14)};
            Corner c2 = {(rh * sine(b)) >> 14, cy + yh, cz + ((rh * cosine(b)) >> 14)},
                   c3 = {(rh * sine(a)) >> 14, cy + yh, cz + ((rh * cosine(a)) >> 14)};
            int is_visor = ring == 2 && (i == 0 || i == 7);
            face(c0, c1, c2, c3,
                 is_visor    ? DARK
                 : ring == 1 ? (i == 0 || i == 7 ? SKIN : WHITE)
                 : ring == 2 ? YELLOW
                             : YELLOW);
        }
}

static void build(void) {
    face_count = 0;
    for (int16_t i = 0; i < MAX_FACES; i++) order[i] = i;
    box(0, -70, 42, 12, 30, 78, 36, 12, 26, DARK);   /* floor */
    box(0, 30, 34, 20, 46, 104, 16, 14, 24, RED);    /* nose */
    box(0, 92, 44, 12, 20, 106, 40, 12, 18, YELLOW); /* front wing */
    box(-44, -30, 12, 14, 38, 36, 10, 14, 30, RED);  /* side pods */
    box(44, -30, 12, 14, 38, 36, 10, 14, 30, RED);
    box(0, -40, 24, 24, 78, -28, 22, 24, 70, RED);    /* seat back */
    box(0, -80, 20, 22, 44, -42, 22, 22, 52, STEEL);  /* engine */
    box(0, -90, 46, 22, 32, -82, 46, 22, 32, RED);    /* rear bumper */
    box(-17, -98, 5, 36, 46, -78, 5, 36, 46, YELLOW); /* exhausts */
    box(17, -98, 5, 36, 46, -78, 5, 36, 46, YELLOW);
    box(0, -28, 22, 36, 84, 0, 17, 36, 78, BLUE);  /* driver */
    box(-23, -20, 6, 56, 76, 28, 5, 50, 60, BLUE); /* arms */
    box(23, -20, 6, 56, 76, 28, 5, 50, 60, BLUE);
    box(0, 26, 16, 44, 62, 30, 16, 46, 64, DARK); /* steering wheel */
    helmet(104, -10, 26);
    wheel(-62, -56, 28, 15);
    wheel(62, -56, 28, 15);
    wheel(-58, 62, 23, 11);
    wheel(58, 62, 23, 11);
}

/* Brightness of a face, 0..64, from the angle between its normal and the light. Both sides of a face look the same. */
static int32_t light_on(const View *at, const int32_t *up) {
    int32_t ax = at[1].x - at[0].x, ay = up[1] - up[0], az = at[1].z - at[0].z;
    int32_t bx = at[2].x - at[0].x, by = up[2] - up[0], bz = at[2].z - at[0].z;
    int32_t nx = ay * bz - az * by, ny = az * bx - ax * bz, nz = ax * by - ay * bx;
    while (iabs(nx) > 1000 || iabs(ny) > 1000 || iabs(nz) > 1000) nx /= 2, ny /= 2, nz /= 2;
    int32_t length = (int32_t)isqrt((uint32_t)(nx * nx + ny * ny + nz * nz));
    if (length == 0) return 40;
    if (nz > 0) nx = -nx, ny = -ny, nz = -nz; /* towards the eye */
    return clamp(44 + (-nx * 14 + ny * 26 - nz * 4) / length, 14, 70);
}

/* Draw the model from a direction onto the cleared canvas at SCALE times its size; its lowest row is H * SCALE - 1. */
static void render(uint32_t turn) {
    static View at[MAX_FACES][4];
    static int32_t up[MAX_FACES][4], depth[MAX_FACES];
    int32_t s = sine(turn), c = cosine(turn);
    for (int i = 0; i < face_count; i++) {
        depth[i] = 0;
        for (int k = 0; k < 4; k++) {
            Corner corner = faces[i].corner[k];
            at[i][k] = (View){(corner.x * c + corner.z * s) >> 14, (corner.z * c - corner.x * s) >> 14};
            up[i][k] = corner.y;
            depth[i] += at[i][k].z * EYE_BACK / 256 - up[i][k] * EYE_UP / 256; /* along the line of sight */
        }
    }
    for (int i = 0; i < face_count; i++) { /* insertion sort, far first, starting from the last direction's order */
        int16_t f = order[i];
        int j = i;
        for (; j > 0 && depth[order[j - 1]] < depth[f]; j--) order[j] = order[j - 1];
        order[j] = f;
    }
    for (int i = 0; i < face_count; i++) {
        int f = order[i];
        int32_t light = light_on(at[f], up[f]);
        int32_t red = clamp(faces[f].red * light / 52, 8, 255), green = clamp(faces[f].green * light / 52, 8, 255),
                blue = clamp(faces[f].blue * light / 52, 8, 255);
        Point *point = raster_polygon(4, RGB(red, green, blue));
        for (int k = 0; k < 4; k++) {
            int32_t z = EYE_BACK + at[f][k].z;
            point[k].x = W * SCALE * 8 + at[f][k].x * FOCAL * SCALE * 16 / z;
            point[k].y = H * SCALE * 16 - 16 + ((EYE_UP - up[f][k]) * FOCAL * SCALE * 16) / z -
                         EYE_UP * FOCAL * SCALE * 16 / (EYE_BACK - 98);
        }
    }
}

/* Average of SCALE x SCALE pixels of the canvas; transparent if most of them are. */
static Pixel shrink(int x, int y) {
    int32_t red = 0, green = 0, blue = 0, n = 0;
    for (int j = 0; j < SCALE; j++)
        for (int i = 0; i < SCALE; i++) {
            Pixel p = canvas[(y * SCALE + j) * SCREEN_W + x * SCALE + i];
            if (p == 0) continue;
            red += p >> 11, green += p >> 6 & 31, blue += p >> 1 & 31, n++;
        }
    if (n < SCALE * SCALE / 2) return 0;
    return (Pixel)(red / n << 11 | green / n << 6 | blue / n << 1 | 1);
}

void kartmodel_bake(void) {
    build();
    for (int d = 0; d < DIRECTIONS; d++) {
        raster_rectangle(0, 0, SCREEN_W, SCREEN_H, 0);
        render((uint32_t)d * (65536 / DIRECTIONS));
        raster_flush();
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) pixels[d][y * W + x] = shrink(x, y);
        sprites[d].w = W;
        sprites[d].h = H;
        sprites[d].pixels = pixels[d];
        sprite_finish(&sprites[d], RGB(24, 24, 28));
    }
    raster_rectangle(0, 0, SCREEN_W, SCREEN_H, 0);
}

static void spot(int32_t x, int32_t y, int32_t size, Pixel colour) {
    if (x >= 0 && x + size <= SCREEN_W && y >= 0 && y + size <= SCREEN_H) raster_rectangle(x, y, size, size, colour);
}

/* Puffs behind the rear wheels: earth off road, smoke (or sparks, once a boost is earned) in a drift. */
static void dust(const Kart *kart, int32_t x, int32_t y, Pixel earth) {
    int moving = iabs(kart->speed) > 500000;
    if (!(moving && kart->off_road) && !kart->drift && !kart->boost) return;
    Pixel colour = kart->boost                            ? RGB(255, 160, 32)
                   : kart->off_road                       ? earth
                   : kart->drift_time >= BOOST_DRIFT_TIME ? RGB(255, 200, 64)
                                                          : RGB(224, 224, 224);
    uint32_t state = (uint32_t)(kart->x ^ kart->z);
    for (int side = -1; side <= 1; side += 2)
        for (int i = 0; i < 3; i++) { /* separate statements: C does not fix the order of evaluation of arguments */
            int32_t across = next_random(&state) & 3, up = next_random(&state) & 3, more = next_random(&state) & 1;
            spot(x + side * (11 + i * 2) + across - 2, y - 3 - up - i, 1 + more + (i == 0), colour);
        }
}

/* An ellipse under the kart, scaled by size (s.8). */
static void shadow(Point ground, int32_t size) {
    static const uint8_t halves[8] = {9, 12, 14, 15, 15, 15, 14, 11}; /* half-widths by row */
    int32_t x = (ground.x + 8) >> 4, y = (ground.y + 8) >> 4, rows = 8 * size >> 8;
    for (int32_t row = 0; row < rows; row++) {
        int32_t half = halves[row * 8 / rows] * size >> 8, line = y + row;
        int32_t from = x - half, to = x + half;
        if (from < 0) from = 0;
        if (to > SCREEN_W) to = SCREEN_W;
        if (from < to && line >= 0 && line < SCREEN_H)
            span_fill(canvas + line * SCREEN_W, from, to, RGB(40, 48, 40) * 65537u);
    }
}

void kartmodel_draw(const Kart *kart, uint32_t camera_heading, Point ground, Point foot, Pixel earth) {
    uint32_t turn = (kart->heading - camera_heading) >> 16;
    turn += (uint32_t)(kart->steer * 24 + kart->drift * 2400);
    uint32_t direction = (turn + 65536 / DIRECTIONS / 2) / (65536 / DIRECTIONS) & (DIRECTIONS - 1);
    int32_t x = (ground.x + 8) >> 4, y = (ground.y + 8) >> 4, lift = y - ((foot.y + 8) >> 4);
    shadow(ground, 256);
    sprite_draw(&sprites[direction], x, y + REAR_ROWS - lift);
    dust(kart, x, y + 8, earth);
}

/* A CPU kart is the player's kart with exchanged colour components. Each component is an index into (red, green, blue);
 * 3 is the mean of red and green. */
#define RIVAL_DIRECTIONS (DIRECTIONS / 2)

static const uint8_t liveries[RIVALS][3] = {{2, 1, 0}, {0, 3, 2}, {1, 0, 2}, {0, 1, 0},
                                            {1, 0, 0}, {0, 0, 2}, {0, 0, 0}};
static Sprite rival_sprites[RIVALS][RIVAL_DIRECTIONS];
static Pixel rival_pixels[RIVALS][RIVAL_DIRECTIONS][W * H];
static int rivals_are_painted;

static Pixel repaint(Pixel p, const uint8_t *from) {
    int32_t part[4] = {p >> 11, p >> 6 & 31, p >> 1 & 31, ((p >> 11) + (p >> 6 & 31)) / 2};
    return (Pixel)(part[from[0]] << 11 | part[from[1]] << 6 | part[from[2]] << 1 | 1);
}

Pixel kartmodel_colour(int livery) { return repaint(RGB(232, 56, 56), liveries[livery]); }

void kartmodel_paint_rivals(void) {
    if (rivals_are_painted) return;
    for (int k = 0; k < RIVALS; k++)
        for (int d = 0; d < RIVAL_DIRECTIONS; d++) {
            const Sprite *from = &sprites[d * (DIRECTIONS / RIVAL_DIRECTIONS)];
            Sprite *to = &rival_sprites[k][d];
            *to = *from;
            to->pixels = rival_pixels[k][d];
            for (int y = 0; y < H; y++)
                for (int x = from->from[y]; x < from->to[y]; x++)
                    to->pixels[y * W + x] = repaint(from->pixels[y * W + x], liveries[k]);
        }
    rivals_are_painted = 1;
}

void kartmodel_draw_rival(const Kart *kart, int livery, uint32_t camera_heading, Point ground, int32_t z) {
    int32_t size = (EYE_BACK * 256 / 100 << 8) / z; /* relative to the sprite's size, s.8 */
    uint32_t turn = ((kart->heading - camera_heading) >> 16) + (uint32_t)(kart->steer * 24);
    uint32_t direction = (turn + 65536 / RIVAL_DIRECTIONS / 2) / (65536 / RIVAL_DIRECTIONS) & (RIVAL_DIRECTIONS - 1);
    shadow(ground, size);
    ground.y += REAR_ROWS * size / 16;
    sprite_draw_scaled(&rival_sprites[livery][direction], ground, H * size / 16);
}
