/* Video, the pad and the interrupt: each VI reads controller 1, and the read's completion runs one frame. */
#include "smash64.h"

#define REG(address) (*(volatile uint32_t *)(address))
#define UNCACHED(pointer) ((volatile uint32_t *)((uint32_t)(pointer) | 0x20000000u))
#define PHYSICAL(pointer) ((uint32_t)(pointer)&0x1FFFFFFFu)
#define WIDTH 160
#define HEIGHT 120

static const uint32_t video[14] = {0x3202, 0x300000, WIDTH, 2, 0, 0x03E52239, 0x20D, 0xC15, 0x0C150C15, 0x006C02EC,
                                   0x002501FF, 0x000E0204, WIDTH * 1024 / 640, HEIGHT * 1024 / 240};
static uint32_t joybus[16] __attribute__((aligned(64))) = {
    0xFF010401, -1, 0xFF010401, -1, 0xFF010401, -1, 0xFF010401, -1, 0xFE000000, 0, 0, 0, 0, 0, 0, 1};
static uint32_t answer[16] __attribute__((aligned(64)));
static Pad pad;

void hw_start(void) {
    for (int i = 0; i < 14; i++)
        if (i != 4) REG(0xA4400000 + 4 * i) = video[i];
    for (int i = 0; i < 16; i++) UNCACHED(joybus)[i] = joybus[i];
    REG(0xA4800000) = PHYSICAL(joybus);
    REG(0xA4800010) = 0x1FC007C0; /* the PIF keeps the program and runs it again at each later read */
    while (REG(0xA4800018) & 3) {
    }
    REG(0xA4800018) = 0;
    scenes_start();
    REG(0xA4400010) = 0;
    REG(0xA430000C) = 0x88; /* interrupts of SI and VI */
}

void hw_interrupt(void) {
    uint32_t pending = REG(0xA4300008);
    if (pending & 2) {
        REG(0xA4800018) = 0;
        uint32_t reply = UNCACHED(answer)[1];
        uint16_t held = (uint16_t)(reply >> 16);
        pad = (Pad){held, (uint16_t)(held & ~pad.held), (int8_t)(reply >> 8), (int8_t)reply};
        scenes_frame(&pad);
    }
    if (pending & 8) {
        REG(0xA4400010) = 0;
        REG(0xA4800000) = PHYSICAL(answer);
        REG(0xA4800004) = 0x1FC007C0;
    }
}

void paint(int x, int y, int w, int h, int colour) {
    for (int row = y < 0 ? 0 : y; row < y + h && row < HEIGHT; row++)
        for (int column = x < 0 ? 0 : x; column < x + w && column < WIDTH; column++)
            ((volatile uint16_t *)0xA0300000)[row * WIDTH + column] = (uint16_t)colour;
}

/* GCC may call these two. */
void *memcpy(void *to, const void *from, unsigned long size) {
    for (unsigned long i = 0; i < size; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int value, unsigned long size) {
    for (unsigned long i = 0; i < size; i++) ((uint8_t *)to)[i] = (uint8_t)value;
    return to;
}
