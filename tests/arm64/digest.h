/* A digest of bytes (FNV-1a, 64 bits), and a generator of the same numbers on every machine (Knuth's MMIX). */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t digest(uint64_t sum, const void *data, size_t bytes)
{
    for (const uint8_t *byte = data; bytes--; byte++)
        sum = (sum ^ *byte) * 0x100000001B3U;
    return sum;
}

static inline uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 32;
}

#endif
