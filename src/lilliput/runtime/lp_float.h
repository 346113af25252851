/* The exponential, without a library: within 2 units of the last place. */
#ifndef LP_FLOAT_H
#define LP_FLOAT_H

#include "lp_formats.h"
#include "lp_internal.h"

/* exp(x) for x at most 0: 2**n times the exponential of what is left, whose polynomial is near-minimax. */
LP_INLINE float lp_exp(float x) {
    if (!(x > -87.0f)) {
        return 0.0f;
    }
    const int32_t n = (int32_t)(x * 1.44269504f - 0.5f);
    const float whole = (float)n;
    const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    const float tail =
        ((((0.00139336435f * r + 0.00836317557f) * r + 0.041666465f) * r + 0.16666577f) * r + 0.500000001f);
    union {
        uint32_t bits;
        float value;
    } power;
    power.bits = (uint32_t)(n + 127) << 23;
    return ((tail * r * r + r) + 1.0f) * power.value;
}

#endif
