/* Counts the modules of RDRAM in the way that boot programs do: gives the first module without a number the next number, until
 * none answers. The count is in RDRAM 0x408: four modules of 2 MiB with an expansion pak, else two. */
#include "kind.h"

#define MODULE_CONFIG REG(0xA3F00000) /* of the first module with the number 0 */
#define MODULE_NUMBER REG(0xA3F00004)

void hw_start(void) {
    uint32_t count = 0;
    while (MODULE_CONFIG && count < 8) MODULE_NUMBER = ++count << 26;
    RDRAM(0x408) = count;
    fill(0x100000, 0x07C1);
    video(0x100000);
}

void hw_interrupt(void) { next_vi(); }
