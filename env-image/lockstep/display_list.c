/* Follows a display list through its calls and branches to its end, or to the FullSync.
 *
 * A command has 8 bytes. The first byte is its code. Two dialects matter: F3D with F3DEX and S2DEX 1, and F3DEX2 with
 * S2DEX 2. Both use the same codes for RDP commands, 0xE4 to 0xFF. Of the other codes that this file uses, almost none has
 * a different meaning in the other dialect; is_call handles the exception. */
#include "display_list.h"

#include <string.h>

#define MAX_COMMANDS (1 << 17) /* several times more than any game needs for a picture */
#define MAX_DEPTH 32           /* the microcodes allow 10 or 18 */
#define SEGMENTS 16
#define SEGMENT_INDEX 6        /* of MoveWord: sets the base address of a segment */

enum command {
    F3DEX2_LAST_SP = 0x0B, /* codes above this one and below the next are invalid in both dialects */
    F3D_FIRST_IMMEDIATE = 0xAF,
    F3D_DISPLAY_LIST = 0x06,
    F3D_END = 0xB8,
    F3D_MOVE_WORD = 0xBC,
    F3DEX2_MOVE_WORD = 0xDB,
    F3DEX2_DISPLAY_LIST = 0xDE,
    F3DEX2_END = 0xDF,
    FULL_SYNC = 0xE9,
};

static uint32_t word_at(const uint8_t *rdram, uint32_t address)
{
    uint32_t word; /* RDRAM is an array of host-endian words */
    memcpy(&word, rdram + address, 4);
    return word;
}

/* F3DEX2 uses the code of F3D's list call for Triangle2. The two differ in the low bits: these are 0 in a call, while a
 * Triangle2 never has the same corner three times. */
static bool is_call(uint32_t first)
{
    return first >> 24 == F3DEX2_DISPLAY_LIST || (first & ~0x10000U) == F3D_DISPLAY_LIST << 24;
}

bool display_list_syncs(const uint8_t *rdram, uint32_t rdram_bytes, uint32_t address)
{
    uint32_t segments[SEGMENTS] = {0}, callers[MAX_DEPTH], depth = 0;

    address &= 0xFFFFFF & ~7U;
    for (uint32_t count = 0; count < MAX_COMMANDS && address <= rdram_bytes - 8; count++) {
        uint32_t first = word_at(rdram, address), second = word_at(rdram, address + 4), command = first >> 24;
        address += 8;
        if (command == FULL_SYNC)
            return true;
        if (command > F3DEX2_LAST_SP && command < F3D_FIRST_IMMEDIATE)
            return true;
        if (command == F3D_END || command == F3DEX2_END) {
            if (depth == 0)
                return false;
            address = callers[--depth];
        } else if (is_call(first)) {
            bool comes_back = !(first >> 16 & 1);
            if (comes_back && depth == MAX_DEPTH)
                return true;
            if (comes_back)
                callers[depth++] = address;
            address = (segments[second >> 24 & 15] + (second & 0xFFFFFF)) & 0xFFFFFF & ~7U;
        } else if (command == F3D_MOVE_WORD && (first & 0xFF) == SEGMENT_INDEX) {
            segments[first >> 10 & 15] = second & 0xFFFFFF;
        } else if (command == F3DEX2_MOVE_WORD && (first >> 16 & 0xFF) == SEGMENT_INDEX) {
            segments[first >> 2 & 15] = second & 0xFFFFFF;
        }
    }
    return true;
}
