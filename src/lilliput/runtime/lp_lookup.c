#include "lp_internal.h"

void lp_lookup(const uint8_t *table, const void *input, void *output, uint32_t elements) {
    const uint8_t *from = (const uint8_t *)input;
    uint8_t *to = (uint8_t *)output;
    for (; elements > 0; elements--) {
        *to++ = table[*from++];
    }
}
