#include "rdp_list.h"
#include "lockstep.h"

#include <string.h>

enum command { TRIANGLES = 0x08, TEXTURE_RECTANGLE = 0x24, TEXTURE_RECTANGLE_FLIP = 0x25, FULL_SYNC = 0x29 };
enum { SOURCE_IS_DMEM = 0x1, DMEM_BYTES = 0x1000 }; /* in DPC_STATUS */

static const unsigned triangle_bytes[8] = {32, 48, 96, 112, 96, 112, 160, 176};
static unsigned rest; /* bytes of the last command that the last list did not have */

static unsigned command_bytes(unsigned command)
{
    if (command >= TRIANGLES && command < TRIANGLES + 8)
        return triangle_bytes[command - TRIANGLES];
    return command == TEXTURE_RECTANGLE || command == TEXTURE_RECTANGLE_FLIP ? 16 : 8;
}

bool rdp_list_syncs(const GFX_INFO *gfx)
{
    bool is_dmem = *gfx->DPC_STATUS_REG & SOURCE_IS_DMEM, syncs = false;
    const uint8_t *memory = is_dmem ? gfx->DMEM : gfx->RDRAM;
    unsigned mask = is_dmem ? DMEM_BYTES - 1 : LOCKSTEP_RDRAM_BYTES - 1, end = *gfx->DPC_END_REG;
    unsigned at = *gfx->DPC_CURRENT_REG + rest;

    while (at < end) {
        uint32_t word;
        memcpy(&word, memory + (at & mask & ~7U), 4);
        syncs |= (word >> 24 & 0x3F) == FULL_SYNC;
        at += command_bytes(word >> 24 & 0x3F);
    }
    rest = at - end;
    if (rest > 176) /* the list was empty or ended before its begin */
        rest = 0;
    return syncs;
}

void rdp_list_forget(void)
{
    rest = 0;
}
