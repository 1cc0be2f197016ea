/* Grass, sand or snow in a chequered pattern, in perspective, drawn as spans.
 *
 * Along a screen row, the ground moves by the same world vector from pixel to pixel. So the pattern's borders in x have
 * equal distances on the row, and so have its borders in z. Two divisions a row give these two sequences of borders.
 * The two are merged, and each part between neighbouring borders is one flat span. There is no texture lookup.
 */
#include "ground.h"

#define CELL_SHIFT 19        /* a square of the pattern is 8 m = 2^19 in s16.16 */
#define FADE_NEAR (36 * 256) /* s.8 metres: the two tones begin to fade into each other ... */
#define FADE_FAR (70 * 256)  /* ... and are equal from here */

static Pixel mix(Pixel a, Pixel b) { return (Pixel)(((a & 0xF7BC) >> 1) + ((b & 0xF7BC) >> 1)) | 1; }

/* One sequence of borders: position of the next and their distance, in 1/256 pixels. */
typedef struct {
    int32_t next, step;
} Borders;

/* u: cells at the row's left end (fraction of s16.16); du: cells per pixel (s16.16). */
static inline Borders borders(int32_t u, int32_t du) {
    int32_t sign = du >> 31, size = ((du ^ sign) - sign) | 1;
    int32_t to_go = ((u ^ ~sign) & 65535) + 1; /* distance to the next cell if du > 0, else to this cell's beginning */
    Borders b;
    b.step = (1 << 24) / size;
    b.next = mul_shift(b.step, to_go, 16);
    return b;
}

__attribute__((section(".text.hot.ground"))) void ground_draw(const Camera *camera, const Course *course) {
    const Pixel *ground = course->data->theme.ground;
    Pixel blend = mix(ground[0], ground[1]);
    Pixel tones[3][2] = {{ground[0], ground[1]}, {mix(ground[0], blend), mix(ground[1], blend)}, {blend, blend}};
    for (int32_t y = camera->horizon; y < SCREEN_H; y++) {
        Pixel *row = canvas + y * SCREEN_W;
        int32_t depth = FOCAL * 2 * camera->height / (2 * (y - camera->horizon) + 1); /* at the row's middle */
        if (depth > FADE_FAR) {
            span_fill(row, 0, SCREEN_W, blend * 65537u);
            continue;
        }
        const Pixel *tone = tones[depth > FADE_NEAR];
        int32_t pixel = (depth << 8) / FOCAL; /* metres a pixel is wide there, s16.16 */
        int32_t dx = mul_shift(pixel, camera->c, 14), dz = -mul_shift(pixel, camera->s, 14);
        int32_t x = camera->x + mul_shift(depth << 8, camera->s, 14) - CENTRE_X * dx;
        int32_t z = camera->z + mul_shift(depth << 8, camera->c, 14) - CENTRE_X * dz;
        uint32_t which = (uint32_t)((x >> CELL_SHIFT) + (z >> CELL_SHIFT)) & 1;
        Borders bx = borders((x >> (CELL_SHIFT - 16)) & 65535, dx >> (CELL_SHIFT - 16));
        Borders bz = borders((z >> (CELL_SHIFT - 16)) & 65535, dz >> (CELL_SHIFT - 16));
        int32_t at = 0;
        for (;;) {
            int32_t gap = bx.next - bz.next, x_first = gap >> 31, next = bz.next + (gap & x_first);
            bx.next += bx.step & x_first;
            bz.next += bz.step & ~x_first;
            int32_t until = next >> 8;
            if (until >= SCREEN_W) until = SCREEN_W;
            if (until > at) span_fill(row, at, until, tone[which] * 65537u);
            if (until == SCREEN_W) break;
            at = until;
            which ^= 1;
        }
    }
}
