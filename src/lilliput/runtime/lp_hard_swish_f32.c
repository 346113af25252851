#include "lp_float.h"

void lp_hard_swish_f32(const void *input, void *output, uint32_t elements) {
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (; elements > 0; elements--) {
        const float x = *from++;
        const float y = x + 3.0f;
        *to++ = x * (y < 0.0f ? 0.0f : y > 6.0f ? 6.0f : y) / 6.0f;
    }
}
