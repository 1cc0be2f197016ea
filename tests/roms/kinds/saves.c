/* Each VI: reads word 0 of EEPROM, SRAM, FlashRAM or the controller pak into RDRAM 0x408, and writes the number of the VI there.
 * The cartridge's header does not say what it has: ROM_SAVE is E (EEPROM), S (SRAM), F (FlashRAM) or P (pak). */
#include "kind.h"

#define BLOCK 0x500u
#define BUFFER 0x600u

static inline void clear(void) {
    for (int i = 0; i < 64; i += 4) RDRAM(BLOCK + i) = 0;
}

static uint32_t exchange(uint32_t written) {
#if ROM_SAVE == 'E'
    clear();
    RDRAM(BLOCK + 4) = 0x02080400; /* read block 0 */
    RDRAM(BLOCK + 16) = 0xFE000000;
    joybus(BLOCK);
    uint32_t found = RDRAM(BLOCK + 8);
    clear();
    RDRAM(BLOCK + 4) = 0x0A010500; /* write block 0 */
    RDRAM(BLOCK + 8) = written;
    RDRAM(BLOCK + 16) = 0x00FE0000;
    joybus(BLOCK);
    return found;
#elif ROM_SAVE == 'S'
    cartridge(BUFFER, CART_SAVE, 8, 0);
    uint32_t found = RDRAM(BUFFER);
    RDRAM(BUFFER) = written;
    cartridge(BUFFER, CART_SAVE, 8, 1);
    return found;
#elif ROM_SAVE == 'F'
    REG(0xA8010000) = 0xF0000000; /* read mode */
    cartridge(BUFFER, CART_SAVE, 128, 0);
    uint32_t found = RDRAM(BUFFER);
    REG(0xA8010000) = 0x4B000000; /* erase sector 0 */
    REG(0xA8010000) = 0x78000000;
    RDRAM(BUFFER) = written;
    REG(0xA8010000) = 0xB4000000; /* program page 0 */
    cartridge(BUFFER, CART_SAVE, 128, 1);
    REG(0xA8010000) = 0xA5000000;
    return found;
#else
    clear();
    RDRAM(BLOCK) = 0x03210200; /* read address 0 of controller 1's pak */
    RDRAM(BLOCK + 4) = 0;
    RDRAM(BLOCK + 36) = 0x0000FE00;
    joybus(BLOCK);
    uint32_t found = RDRAM(BLOCK + 4) << 8 | RDRAM(BLOCK + 8) >> 24;
    RDRAM(0x410) = RDRAM(BLOCK + 36) >> 16 & 0xFFFF; /* the last byte and the checksum */
    clear();
    RDRAM(BLOCK) = 0x23010300; /* write it */
    RDRAM(BLOCK + 4) = written >> 8;
    RDRAM(BLOCK + 8) = written << 24;
    RDRAM(BLOCK + 36) = 0x000000FE;
    joybus(BLOCK);
    return found;
#endif
}

void hw_start(void) {
    fill(0x100000, 0x07C1);
    video(0x100000);
}

void hw_interrupt(void) {
    next_vi();
    RDRAM(0x408) = exchange(COUNT);
}
