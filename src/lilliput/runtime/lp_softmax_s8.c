#include "lp_internal.h"

static int32_t largest(const int8_t *values, int32_t count) {
    int32_t found = values[0];
    for (int32_t i = 1; i < count; i++) {
        found = lp_maximum(found, values[i]);
    }
    return found;
}

void lp_softmax_s8(const lp_softmax_params *params, const int8_t *input, int8_t *output) {
    const int32_t columns = params->columns;
    for (int32_t row = 0; row < params->rows; row++, input += columns, output += columns) {
        const int32_t top = largest(input, columns);
        uint32_t sum = 0;
        for (int32_t i = 0; i < columns; i++) {
            sum += params->table[top - input[i]];
        }
        for (int32_t i = 0; i < columns; i++) {
            const uint32_t share = ((uint32_t)params->table[top - input[i]] * 256u + sum / 2u) / sum;
            output[i] = (int8_t)(lp_minimum((int32_t)share, 255) - 128);
        }
    }
}
