#include "lp_float.h"

/* Near 0 an odd polynomial, near-minimax; elsewhere from the exponential. */
static float hyperbolic_tangent(float x) {
    const float size = x < 0.0f ? -x : x;
    if (size < 0.62f) {
        const float z = x * x;
        const float tail =
            (((-0.00610838603f * z + 0.0210059898f) * z - 0.0538529886f) * z + 0.133327855f) * z -
            0.333333291f;
        return tail * z * x + x;
    }
    const float small = lp_exp(-2.0f * size);
    const float found = (1.0f - small) / (1.0f + small);
    return x < 0.0f ? -found : found;
}

void lp_tanh_f32(const void *input, void *output, uint32_t elements) {
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (; elements > 0; elements--) {
        const float x = *from++;
        *to++ = hyperbolic_tangent(x);
    }
}
