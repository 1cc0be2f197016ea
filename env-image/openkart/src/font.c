/* The font: five columns a letter, bit 0 at the top. */
#include "font.h"

#define RIM RGB(16, 16, 32)

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.:'\"!-/<>%";

static const uint8_t columns[][5] = {
    {0x3E, 0x51, 0x49, 0x45, 0x3E}, {0x00, 0x42, 0x7F, 0x40, 0x00}, {0x62, 0x51, 0x49, 0x49, 0x46},
    {0x22, 0x41, 0x49, 0x49, 0x36}, {0x18, 0x14, 0x12, 0x7F, 0x10}, {0x27, 0x45, 0x45, 0x45, 0x39},
    {0x3E, 0x49, 0x49, 0x49, 0x32}, {0x01, 0x71, 0x09, 0x05, 0x03}, {0x36, 0x49, 0x49, 0x49, 0x36},
    {0x26, 0x49, 0x49, 0x49, 0x3E}, /* 9 */
    {0x7E, 0x09, 0x09, 0x09, 0x7E}, {0x7F, 0x49, 0x49, 0x49, 0x36}, {0x3E, 0x41, 0x41, 0x41, 0x22},
    {0x7F, 0x41, 0x41, 0x41, 0x3E}, {0x7F, 0x49, 0x49, 0x49, 0x41}, {0x7F, 0x09, 0x09, 0x09, 0x01},
    {0x3E, 0x41, 0x49, 0x49, 0x3A}, {0x7F, 0x08, 0x08, 0x08, 0x7F}, {0x00, 0x41, 0x7F, 0x41, 0x00},
    {0x20, 0x40, 0x40, 0x40, 0x3F}, {0x7F, 0x08, 0x14, 0x22, 0x41}, {0x7F, 0x40, 0x40, 0x40, 0x40},
    {0x7F, 0x02, 0x0C, 0x02, 0x7F}, {0x7F, 0x06, 0x08, 0x30, 0x7F}, {0x3E, 0x41, 0x41, 0x41, 0x3E},
    {0x7F, 0x09, 0x09, 0x09, 0x06}, {0x3E, 0x41, 0x51, 0x21, 0x5E}, {0x7F, 0x09, 0x19, 0x29, 0x46},
    {0x26, 0x49, 0x49, 0x49, 0x32}, {0x01, 0x01, 0x7F, 0x01, 0x01}, {0x3F, 0x40, 0x40, 0x40, 0x3F},
    {0x0F, 0x30, 0x40, 0x30, 0x0F}, {0x3F, 0x40, 0x38, 0x40, 0x3F}, {0x63, 0x14, 0x08, 0x14, 0x63},
    {0x03, 0x04, 0x78, 0x04, 0x03}, {0x61, 0x51, 0x49, 0x45, 0x43}, /* Z */
    {0x00, 0x60, 0x60, 0x00, 0x00}, {0x00, 0x36, 0x36, 0x00, 0x00}, {0x00, 0x04, 0x03, 0x00, 0x00},
    {0x04, 0x03, 0x00, 0x04, 0x03}, {0x00, 0x00, 0x5F, 0x00, 0x00}, {0x08, 0x08, 0x08, 0x08, 0x08},
    {0x60, 0x10, 0x08, 0x04, 0x03}, {0x08, 0x14, 0x22, 0x41, 0x00}, {0x00, 0x41, 0x22, 0x14, 0x08},
    {0x63, 0x13, 0x08, 0x64, 0x63}, /* % */
};

static const uint8_t *find(char letter) {
    for (unsigned i = 0; letters[i]; i++)
        if (letters[i] == letter) return columns[i];
    return 0;
}

#define INK_MAX 24 /* multiples of 4 */
#define RIM_MAX 48

/* The positions of a letter's pixels, relative to one pixel above and left of it. They are computed at its first use.
 * Each list repeats a pixel up to a multiple of four, so that pixels are drawn in groups of four (raster.h says why).
 */
typedef struct {
    uint8_t made, inks, rims;
    uint16_t ink[INK_MAX], rim[RIM_MAX];
} Glyph;

static int has_ink(const uint8_t *column, int x, int y) { /* -1..6, -1..7 */
    return x >= 0 && x < 5 && y >= 0 && y < 7 && (column[x] >> y & 1);
}

static int has_rim(const uint8_t *column, int x, int y) {
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++)
            if (has_ink(column, x + i, y + j)) return !has_ink(column, x, y);
    return 0;
}

static uint8_t padded(uint16_t *list, int n) {
    for (; n & 3; n++) list[n] = list[n - 1];
    return (uint8_t)n;
}

static const Glyph *glyph_of(char letter) {
    static Glyph glyphs[128];
    Glyph *glyph = &glyphs[letter & 127];
    if (glyph->made) return glyph;
    const uint8_t *column = find(letter);
    int inks = 0, rims = 0;
    for (int y = -1; column && y < 8; y++)
        for (int x = -1; x < 6; x++) {
            uint16_t at = (uint16_t)((y + 1) * SCREEN_W + x + 1);
            if (has_ink(column, x, y) && inks < INK_MAX) glyph->ink[inks++] = at;
            if (has_rim(column, x, y) && rims < RIM_MAX) glyph->rim[rims++] = at;
        }
    glyph->inks = padded(glyph->ink, inks);
    glyph->rims = padded(glyph->rim, rims);
    glyph->made = 1;
    return glyph;
}

static inline void dots(Pixel *p, const uint16_t *at, int n, Pixel colour) {
    for (; n > 0; n -= 4, at += 4) p[at[0]] = colour, p[at[1]] = colour, p[at[2]] = colour, p[at[3]] = colour;
}

__attribute__((section(".text.hot.font"), aligned(2048))) void text_draw(const char *text, int x, int y, Pixel colour) {
    Pixel *p = canvas + (y - 1) * SCREEN_W + x - 1;
    for (; *text; text++, p += TEXT_STEP) {
        if (*text == ' ') continue;
        const Glyph *glyph = glyph_of(*text);
        dots(p, glyph->rim, glyph->rims, RIM);
        dots(p, glyph->ink, glyph->inks, colour);
    }
}

static int length(const char *text) {
    int n = 0;
    while (text[n]) n++;
    return n;
}

void text_centre(const char *text, int y, Pixel colour) {
    text_draw(text, (SCREEN_W - length(text) * TEXT_STEP + 1) / 2, y, colour);
}

/* Draws neighbouring blocks of a row as one rectangle. */
static void blocks(const char *text, int x, int y, int size, int grow, Pixel top, Pixel bottom) {
    for (; *text; text++, x += TEXT_STEP * size) {
        const uint8_t *column = find(*text);
        for (int row = 0; column && row < 7; row++)
            for (int i = 0; i < 5; i++) {
                int first = i;
                while (has_ink(column, i, row)) i++;
                if (i == first) continue;
                raster_rectangle(x + first * size + (6 - row) * size / 4 - grow, y + row * size - grow,
                                 (i - first) * size + 2 * grow, size + 2 * grow,
                                 grow       ? RIM
                                 : row < 3  ? top
                                 : row == 3 ? RGB(255, 255, 255)
                                            : bottom);
            }
    }
}

void text_large(const char *text, int x, int y, int size, Pixel top, Pixel bottom) {
    x -= (length(text) * TEXT_STEP - 1) * size / 2 + size / 2;
    blocks(text, x, y, size, 2, top, bottom);
    blocks(text, x, y, size, 0, top, bottom);
}
