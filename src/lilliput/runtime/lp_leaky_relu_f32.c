#include "lp_float.h"

void lp_leaky_relu_f32(const void *input, void *output, uint32_t elements, float alpha) {
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (; elements > 0; elements--) {
        const float x = *from++;
        *to++ = x < 0.0f ? x * alpha : x;
    }
}
