/* What the ROMs of this folder share. Each ROM is one file, which does one thing that a game may do. boot.S of Open Kart
 * starts them: it calls hw_start once, then hw_interrupt at each interrupt. */
#ifndef KIND_H
#define KIND_H

#include "n64.h"

#define RDRAM(address) REG(0xA0000000u + (address)) /* uncached */
#define COUNT RDRAM(0x400)                          /* VIs so far */

#define SP_DMEM 0xA4000000u
#define SP_MEM_ADDR REG(0xA4040000)
#define SP_DRAM_ADDR REG(0xA4040004)
#define SP_RD_LEN REG(0xA4040008) /* to the RSP */
#define SP_WR_LEN REG(0xA404000C) /* from the RSP */
#define SP_STATUS REG(0xA4040010)
#define SP_DMA_BUSY REG(0xA4040018)
#define SP_PC REG(0xA4080000)
#define MI_INTR_ACKNOWLEDGE REG(0xA4300000) /* MI_MODE, which also acknowledges the DP interrupt */
#define DPC_START REG(0xA4100000)
#define DPC_END REG(0xA4100004)
#define DPC_CURRENT REG(0xA4100008)

/* Switches the video on: 16 bits a pixel, 320x240 at `origin`. */
static inline void video(uint32_t origin) {
    static const uint32_t registers[14] = {0x3202, 0, 320, 2, 0, 0x03E52239, 0x20D, 0xC15, 0x0C150C15, 0x006C02EC,
                                           0x002501FF, 0x000E0204, 0x200, 0x400};
    for (int i = 0; i < 14; i++)
        if (i != 1 && i != 4) REG(VI_BASE + 4 * i) = registers[i];
    VI_ORIGIN = origin;
    VI_CURRENT = 0;
    MI_MASK = MI_MASK_SET_VI;
}

/* Acknowledges the VI interrupt and counts it. */
static inline void next_vi(void) {
    VI_CURRENT = 0;
    COUNT = COUNT + 1;
}

/* Fills a picture of 320x240 with one colour, RGBA5551. */
static inline void fill(uint32_t origin, uint32_t colour) {
    for (uint32_t i = 0; i < 320 * 240 * 2; i += 4) RDRAM(origin + i) = colour << 16 | colour;
}

/* Sends the 64 bytes at `block` of RDRAM to the PIF, which runs the commands in them, and reads them back. */
static inline void joybus(uint32_t block) {
    RDRAM(block + 60) |= 1;
    SI_DRAM_ADDR = block;
    SI_PIF_WRITE64 = PIF_RAM;
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    SI_DRAM_ADDR = block;
    SI_PIF_READ64 = PIF_RAM;
    while (SI_STATUS & SI_STATUS_BUSY) {
    }
    SI_STATUS = 0;
}

#define PI_DRAM_ADDR REG(0xA4600000)
#define PI_CART_ADDR REG(0xA4600004)
#define PI_RD_LEN REG(0xA4600008) /* to the cartridge */
#define PI_WR_LEN REG(0xA460000C) /* from the cartridge */
#define PI_STATUS REG(0xA4600010)
#define CART_SAVE 0x08000000u /* SRAM or FlashRAM */

/* Moves `bytes` between RDRAM and the cartridge. */
static inline void cartridge(uint32_t rdram, uint32_t address, uint32_t bytes, int to_cartridge) {
    PI_DRAM_ADDR = rdram;
    PI_CART_ADDR = address;
    if (to_cartridge)
        PI_RD_LEN = bytes - 1;
    else
        PI_WR_LEN = bytes - 1;
    while (PI_STATUS & 3) {
    }
}

#endif
