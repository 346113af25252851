#include "lp_float.h"

void lp_logistic_f32(const void *input, void *output, uint32_t elements) {
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (; elements > 0; elements--) {
        const float x = *from++;
        const float small = lp_exp(x < 0.0f ? x : -x);
        *to++ = (x < 0.0f ? small : 1.0f) / (1.0f + small);
    }
}
