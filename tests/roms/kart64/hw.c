/* Video, and the pace of Mario Kart 64 with one player: a game frame, and one controller read, every second VI. */
#include "double.h"
#include "n64.h"
#include "raster.h"

void hw_start(void);
void hw_interrupt(void);
void *memcpy(void *to, const void *from, unsigned long size);
void *memset(void *to, int value, unsigned long size);

/* The values of env-image/openkart/src/hw.c: 160x120 at 16 bits a pixel, stretched over an NTSC screen. */
static const uint32_t vi_registers[14] = {
    0x00003202, 0,          SCREEN_W,   2,          0,          0x03E52239, 0x20D,
    0xC15,      0x0C150C15, 0x006C02EC, 0x002501FF, 0x000E0204, SCREEN_W * 1024 / 640, SCREEN_H * 1024 / 240,
};

static uint32_t pif_block[16] __attribute__((aligned(64))) = {
    0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF, 0xFF010401, 0xFFFFFFFF,
    0xFE000000, 0,          0,          0,          0,          0,          0,          1,
};
static uint32_t pad_block[16] __attribute__((aligned(64)));
static uint32_t vis;

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

void hw_start(void) {
    for (int i = 0; i < 14; i++)
        if (i != 4) REG(VI_BASE + 4 * i) = i == 1 ? PHYSICAL(raster_shown()) : vi_registers[i];
    game_start();
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    volatile uint32_t *block = UNCACHED(pif_block);
    for (int i = 0; i < 16; i++) block[i] = pif_block[i];
    SI_DRAM_ADDR = PHYSICAL(pif_block);
    SI_PIF_WRITE64 = PIF_RAM;
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    SI_STATUS = 0;
    VI_CURRENT = 0;
    MI_MASK = MI_MASK_SET_SI | MI_MASK_SET_VI;
}

#ifdef GPU
#define DMEM_TASK ((volatile uint32_t *)0xA4000FC0)
#define SP_STATUS REG(0xA4040010)
#define MI_INTR_SP 0x01u

/* Submits an empty display list to the signal processor, and waits until it has finished. */
static void submit_picture(void) {
    static uint32_t list[2] __attribute__((aligned(8))) = {0xB8000000, 0}; /* the list's end */
    static uint32_t microcode[0x400];
    UNCACHED(list)[0] = list[0];
    DMEM_TASK[0] = 1; /* graphics */
    DMEM_TASK[2] = DMEM_TASK[4] = DMEM_TASK[6] = PHYSICAL(microcode);
    DMEM_TASK[3] = 0xD0;   /* bytes of boot code, */
    DMEM_TASK[5] = 0x1000; /* of code, */
    DMEM_TASK[7] = 0x800;  /* and of data */
    DMEM_TASK[12] = PHYSICAL(list);
    SP_STATUS = 0x105; /* run, and interrupt when done */
    while (!(MI_INTR & MI_INTR_SP)) {
    }
    SP_STATUS = 0x08; /* acknowledge */
}
#endif

static Pad read_pad(void) {
    volatile uint32_t *block = UNCACHED(pad_block);
    Pad pad = {0, 0, 0};
    if (block[0] & 0x00800000) return pad;
    uint32_t reply = block[1];
    pad.buttons = (uint16_t)(reply >> 16);
    pad.x = (int8_t)(reply >> 8);
    pad.y = (int8_t)reply;
    return pad;
}

void hw_interrupt(void) {
    uint32_t pending = MI_INTR;
    if (pending & MI_INTR_SI) {
        SI_STATUS = 0;
        game_frame(read_pad());
#ifdef GPU
        submit_picture();
#endif
        VI_ORIGIN = PHYSICAL(raster_shown());
    }
    if (pending & MI_INTR_VI) {
        VI_CURRENT = 0;
        if (vis++ & 1) return;
        SI_DRAM_ADDR = PHYSICAL(pad_block);
        SI_PIF_READ64 = PIF_RAM;
    }
}
