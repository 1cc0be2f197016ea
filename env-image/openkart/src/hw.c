/* The N64's side of the game: video set-up, controller reads over SI, and the one interrupt that drives everything.
 *
 * A video interrupt (VI, 60 Hz) starts a DMA read of controller 1. The read's completion interrupt, 0x900 counts later,
 * passes the pad to game_vi(), which advances the game by 1/60 s and draws every second time. So the input of a VI is
 * sampled right after that VI begins, and the next VI shows the resulting picture. While game_vi() builds a course, it
 * runs longer than a VI: the game counts all VIs that begin in that time as one.
 */
#include "game.h"
#include "n64.h"
#include "raster.h"
#include "telemetry.h"

void hw_start(void);
void hw_interrupt(void);
void *memcpy(void *to, const void *from, unsigned long size);
void *memset(void *to, int value, unsigned long size);

/* NTSC, progressive, 16 bits a pixel; 160x120 stretched over the whole screen by the two scale registers. */
static const uint32_t vi_registers[14] = {
    0x00003202,            /* CTRL: 16-bit pixels, resampling without anti-aliasing */
    0,                     /* ORIGIN: set with each picture */
    SCREEN_W,              /* WIDTH in pixels */
    0x00000002,            /* V_INTR: half-line of the interrupt */
    0,                     /* V_CURRENT */
    0x03E52239,            /* BURST */
    0x0000020D,            /* V_SYNC: 525 half-lines */
    0x00000C15,            /* H_SYNC */
    0x0C150C15,            /* LEAP */
    0x006C02EC,            /* H_VIDEO: 640 pixels wide */
    0x002501FF,            /* V_VIDEO: 474 half-lines high */
    0x000E0204,            /* V_BURST */
    SCREEN_W * 1024 / 640, /* X_SCALE: source pixels per screen pixel, 2.10 */
    SCREEN_H * 1024 / 240, /* Y_SCALE */
};

/* The joybus program: each of four channels sends 1 byte (0x01 = read) and receives 4; 0xFE is the end; last byte =
 * run.
 */
static uint32_t pif_block[16] __attribute__((aligned(64))) = {
    0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF,
    0xFE000000, 0,          0,          0,          0,          0,          0,          1,
};
static uint32_t pad_block[16] __attribute__((aligned(64)));

/* GCC may call these two even in freestanding code. */
void *memcpy(void *to, const void *from, unsigned long size) {
    uint8_t *t = to;
    const uint8_t *f = from;
    while (size--) *t++ = *f++;
    return to;
}

void *memset(void *to, int value, unsigned long size) {
    uint8_t *t = to;
    while (size--) *t++ = (uint8_t)value;
    return to;
}

/* Called once from boot.S with interrupts off. It switches video on first, so that VIs begin before the game's tables
 * are ready. The game does not count these VIs: it counts from the first VI after this function. */
void hw_start(void) {
    for (int i = 0; i < 14; i++)
        if (i != 4) REG(VI_BASE + 4 * i) = i == 1 ? PHYSICAL(raster_shown()) : vi_registers[i];
    game_start();
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    volatile uint32_t *block = UNCACHED(pif_block);
    for (int i = 0; i < 16; i++) block[i] = pif_block[i];
    SI_DRAM_ADDR = PHYSICAL(pif_block);
    SI_PIF_WRITE64 = PIF_RAM; /* the PIF keeps the program and runs it again at each later read */
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    SI_STATUS = 0;
    VI_CURRENT = 0;
    MI_MASK = MI_MASK_SET_SI | MI_MASK_SET_VI;
}

static Pad read_pad(void) {
    volatile uint32_t *block = UNCACHED(pad_block);
    Pad pad = {0, 0, 0};
    if (block[0] & 0x00008000) return pad; /* receive count's top bit: no controller in port 1 */
    uint32_t reply = block[1];
    pad.buttons = (uint16_t)(reply >> 16);
    pad.x = (int8_t)(reply >> 8);
    pad.y = (int8_t)reply;
    return pad;
}

/* Handles every interrupt. It runs to its end before the next interrupt is taken. */
void hw_interrupt(void) {
    uint32_t pending = MI_INTR;
    if (pending & MI_INTR_SI) {
        SI_STATUS = 0;
        game_vi(read_pad(), (uint32_t *)TELEMETRY_ADDRESS);
        VI_ORIGIN = PHYSICAL(raster_shown());
    }
    if (pending & MI_INTR_VI) {
        VI_CURRENT = 0;
        SI_DRAM_ADDR = PHYSICAL(pad_block);
        SI_PIF_READ64 = PIF_RAM;
    }
}
