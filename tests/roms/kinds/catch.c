/* A small game. START begins it. The stick or the d-pad moves a dot left and right; on the stripe it scores, and the stripe
 * jumps elsewhere. After ten seconds the game is over, and START leads back to the title. A bar shows the score. */
#include "kind.h"

#define IMAGE 0x200000u
#define PAD 0x500u /* the joybus block */
#define WIDTH 320
#define SIZE 16 /* of the dot and of the stripe, pixels */
#define LAST (WIDTH - SIZE)
#define SPEED 4 /* pixels a VI */
#define SECONDS_10 600

enum { TITLE, PLAY, OVER };

static struct {
    uint32_t random;
    uint8_t stage, started;
    uint16_t score, time;
    int16_t dot, stripe;
} game;

static uint32_t pad(void) {
    static const uint32_t read[3] = {0xFF010401, 0xFFFFFFFF, 0xFE000000};
    for (int i = 0; i < 16; i++) RDRAM(PAD + 4 * i) = i < 3 ? read[i] : 0;
    joybus(PAD);
    return RDRAM(PAD + 4); /* buttons 31..16, stick x 15..8, y 7..0 */
}

/* Fills rows y to y + rows and columns x to x + columns (even numbers) with a colour, RGBA5551. */
static void box(uint32_t x, uint32_t y, uint32_t columns, uint32_t rows, uint32_t colour) {
    for (uint32_t row = y; row < y + rows; row++)
        for (uint32_t column = x; column < x + columns; column += 2)
            RDRAM(IMAGE + 2 * (WIDTH * row + column)) = colour << 16 | colour;
}

static void play(uint32_t pressed) {
    int8_t stick = pressed >> 8;
    if (stick < -20 || pressed & 0x02000000) game.dot -= SPEED;
    if (stick > 20 || pressed & 0x01000000) game.dot += SPEED;
    if (game.dot < 0) game.dot = 0;
    if (game.dot > LAST) game.dot = LAST;
    if (game.dot > game.stripe - SIZE && game.dot < game.stripe + SIZE) {
        game.score++;
        game.stripe = (game.stripe + 64 + (game.random >> 16) % 160) % LAST & ~3;
    }
    if (--game.time == 0) game.stage = OVER;
}

void hw_start(void) {
    fill(IMAGE, 0x0001);
    video(IMAGE);
}

void hw_interrupt(void) {
    static const uint32_t ground[3] = {0x4211, 0x0011, 0x8001}; /* grey, blue, red */
    next_vi();
    game.random = game.random * 1664525 + 1013904223;
    uint32_t pressed = pad(), start = pressed >> 28 & 1;
    if (game.stage == PLAY)
        play(pressed);
    else if (start && !game.started) {
        if (game.stage == TITLE) {
            game.score = 0;
            game.time = SECONDS_10;
            game.dot = LAST / 2 & ~3;
            game.stripe = 40;
        }
        game.stage = game.stage == TITLE ? PLAY : TITLE;
    }
    game.started = start;
    box(0, 80, WIDTH, 80, ground[game.stage]);
    box(0, 20, WIDTH, 8, 0x0001);
    box(0, 20, game.score < 40 ? 8 * game.score : WIDTH, 8, 0xFFC1);
    if (game.stage == PLAY) {
        box(game.stripe, 80, SIZE, 80, 0x07C1);
        box(game.dot, 112, SIZE, SIZE, 0xFFFF);
    }
}
