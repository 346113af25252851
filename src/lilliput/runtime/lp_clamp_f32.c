#include "lp_float.h"

void lp_clamp_f32(const void *input, void *output, uint32_t elements, float minimum, float maximum) {
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (; elements > 0; elements--) {
        const float x = *from++;
        *to++ = x < minimum ? minimum : x > maximum ? maximum : x;
    }
}
