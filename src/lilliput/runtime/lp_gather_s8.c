#include "lp_internal.h"

static int8_t *copy(const int8_t *from, int8_t *to, uint32_t bytes) {
    for (; bytes > 0; bytes--) {
        *to++ = *from++;
        LP_OPAQUE(to);
    }
    return to;
}

void lp_gather_s8(const lp_gather_params *params, const int8_t *input, int8_t *output) {
    const uint32_t *extents = params->extents;
    const uint32_t *strides = params->strides;
    for (uint32_t i = 0; i < extents[0]; i++) {
        const int8_t *plane = input + i * strides[0];
        for (uint32_t j = 0; j < extents[1]; j++, plane += strides[1]) {
            const int8_t *row = plane;
            for (uint32_t k = 0; k < extents[2]; k++, row += strides[2]) {
                output = copy(row, output, params->run_bytes);
            }
        }
    }
}
