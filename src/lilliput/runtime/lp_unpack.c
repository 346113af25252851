#include "lp_formats.h"
#include "lp_internal.h"

/* A bit says whether a weight is -1, and not 1. */
static LP_NOINLINE void unpack_signs(const uint8_t *weights, uint32_t first, uint32_t count, int8_t *output) {
    for (uint32_t index = first; index < first + count; index++) {
        *output++ = (int8_t)(1 - 2 * (weights[index >> 3] >> (index & 7) & 1));
        LP_OPAQUE(output);
    }
}

void lp_unpack(const uint8_t *weights, int32_t bits, uint32_t first, uint32_t count, int8_t *output) {
    if (bits == 1) {
        unpack_signs(weights, first, count, output);
        return;
    }
    const uint32_t begin = first * (uint32_t)bits;
    const uint8_t *next = weights + (begin >> 3);
    const uint32_t sign = (uint32_t)1 << (bits - 1);
    const uint32_t mask = 2 * sign - 1;
    uint32_t held = (uint32_t)*next++ >> (begin & 7);
    int32_t left = 8 - (int32_t)(begin & 7); /* bits that `held` has */
    for (; count > 0; count--, held >>= bits, left -= bits) {
        if (left < bits) {
            held |= (uint32_t)*next++ << left;
            left += 8;
        }
        *output++ = (int8_t)((int32_t)((held & mask) ^ sign) - (int32_t)sign);
        LP_OPAQUE(output);
    }
}
