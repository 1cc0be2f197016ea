/* The font: five columns a letter, bit 0 at the top. */
#include "font.h"

#define RIM RGB(16, 16, 32)

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.:'\"!-/<>";

static const uint8_t columns[][5] = {
    {0x3E, 0x51, 0x49, 0x45, 0x3E}, {0x00, 0x42, 0x7F, 0x40, 0x00}, {0x62, 0x51, 0x49, 0x49, 0x46}, {0x22, 0x41, 0x49, 0x49, 0x36},
    {0x18, 0x14, 0x12, 0x7F, 0x10}, {0x27, 0x45, 0x45, 0x45, 0x39}, {0x3E, 0x49, 0x49, 0x49, 0x32}, {0x01, 0x71, 0x09, 0x05, 0x03},
    {0x36, 0x49, 0x49, 0x49, 0x36}, {0x26, 0x49, 0x49, 0x49, 0x3E}, /* 9 */
    {0x7E, 0x09, 0x09, 0x09, 0x7E}, {0x7F, 0x49, 0x49, 0x49, 0x36}, {0x3E, 0x41, 0x41, 0x41, 0x22}, {0x7F, 0x41, 0x41, 0x41, 0x3E},
    {0x7F, 0x49, 0x49, 0x49, 0x41}, {0x7F, 0x09, 0x09, 0x09, 0x01}, {0x3E, 0x41, 0x49, 0x49, 0x3A}, {0x7F, 0x08, 0x08, 0x08, 0x7F},
    {0x00, 0x41, 0x7F, 0x41, 0x00}, {0x20, 0x40, 0x40, 0x40, 0x3F}, {0x7F, 0x08, 0x14, 0x22, 0x41}, {0x7F, 0x40, 0x40, 0x40, 0x40},
    {0x7F, 0x02, 0x0C, 0x02, 0x7F}, {0x7F, 0x06, 0x08, 0x30, 0x7F}, {0x3E, 0x41, 0x41, 0x41, 0x3E}, {0x7F, 0x09, 0x09, 0x09, 0x06},
    {0x3E, 0x41, 0x51, 0x21, 0x5E}, {0x7F, 0x09, 0x19, 0x29, 0x46}, {0x26, 0x49, 0x49, 0x49, 0x32}, {0x01, 0x01, 0x7F, 0x01, 0x01},
    {0x3F, 0x40, 0x40, 0x40, 0x3F}, {0x0F, 0x30, 0x40, 0x30, 0x0F}, {0x3F, 0x40, 0x38, 0x40, 0x3F}, {0x63, 0x14, 0x08, 0x14, 0x63},
    {0x03, 0x04, 0x78, 0x04, 0x03}, {0x61, 0x51, 0x49, 0x45, 0x43}, /* Z */
    {0x00, 0x60, 0x60, 0x00, 0x00}, {0x00, 0x36, 0x36, 0x00, 0x00}, {0x00, 0x04, 0x03, 0x00, 0x00}, {0x04, 0x03, 0x00, 0x04, 0x03},
    {0x00, 0x00, 0x5F, 0x00, 0x00}, {0x08, 0x08, 0x08, 0x08, 0x08}, {0x60, 0x10, 0x08, 0x04, 0x03}, {0x08, 0x14, 0x22, 0x41, 0x00},
    {0x00, 0x41, 0x22, 0x14, 0x08},
};

static const uint8_t *find(char letter) {
    for (unsigned i = 0; letters[i]; i++)
        if (letters[i] == letter) return columns[i];
    return 0;
}

/* Rows of 7 pixels, rows and columns -1..7: bit 0 of `ink` and `rim` is the leftmost. Kept for every letter once used. */
typedef struct {
    uint8_t made;
    uint8_t ink[9], rim[9];
} Glyph;

static const Glyph *glyph_of(char letter) {
    static Glyph glyphs[128];
    Glyph *glyph = &glyphs[letter & 127];
    if (glyph->made) return glyph;
    const uint8_t *column = find(letter);
    glyph->made = 1;
    if (!column) return glyph;
    for (int row = 0; row < 9; row++)
        for (int x = 0; x < 5; x++)
            if (row > 0 && row < 8 && column[x] >> (row - 1) & 1) glyph->ink[row] |= (uint8_t)(2 << x);
    for (int row = 0; row < 9; row++) {
        uint32_t near = 0;
        for (int other = row - 1; other <= row + 1; other++)
            if (other >= 0 && other < 9) near |= glyph->ink[other] | glyph->ink[other] << 1 | glyph->ink[other] >> 1;
        glyph->rim[row] = (uint8_t)(near & ~glyph->ink[row]);
    }
    return glyph;
}

void text_draw(const char *text, int x, int y, Pixel colour) {
    for (; *text; text++, x += TEXT_STEP) {
        if (*text == ' ') continue;
        const Glyph *glyph = glyph_of(*text);
        Pixel *line = canvas + (y - 1) * SCREEN_W + x - 1;
        for (int row = 0; row < 9; row++, line += SCREEN_W) {
            uint32_t ink = glyph->ink[row], rim = glyph->rim[row];
            Pixel *p = line;
            for (uint32_t any = ink | rim; any; any >>= 1, ink >>= 1, rim >>= 1, p++)
                if (ink & 1)
                    *p = colour;
                else if (rim & 1)
                    *p = RIM;
        }
    }
}

static int length(const char *text) {
    int n = 0;
    while (text[n]) n++;
    return n;
}

void text_centre(const char *text, int y, Pixel colour) { text_draw(text, (SCREEN_W - length(text) * TEXT_STEP + 1) / 2, y, colour); }

static void blocks(const char *text, int x, int y, int size, int grow, Pixel top, Pixel bottom) {
    for (; *text; text++, x += TEXT_STEP * size) {
        const uint8_t *column = find(*text);
        for (int row = 0; column && row < 7; row++)
            for (int i = 0; i < 5; i++)
                if (column[i] >> row & 1)
                    raster_rectangle(x + i * size + (6 - row) * size / 4 - grow, y + row * size - grow, size + 2 * grow, size + 2 * grow,
                                     grow ? RIM : row < 3 ? top : row == 3 ? RGB(255, 255, 255) : bottom);
    }
}

void text_large(const char *text, int x, int y, int size, Pixel top, Pixel bottom) {
    x -= (length(text) * TEXT_STEP - 1) * size / 2 + size / 2;
    blocks(text, x, y, size, 2, top, bottom);
    blocks(text, x, y, size, 0, top, bottom);
}
