#include "lp_internal.h"

static int8_t *fill(int8_t *output, int32_t bytes, int8_t value) {
    int8_t *const end = output + bytes;
    while (output < end) {
        *output++ = value;
        LP_OPAQUE(output);
    }
    return output;
}

void lp_pad_s8(const lp_pad_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    const int32_t padded_row_bytes = row_bytes + (params->left + params->right) * depth;
    output = fill(output, params->top * padded_row_bytes, params->value);
    for (int32_t y = 0; y < params->input_height; y++) {
        output = fill(output, params->left * depth, params->value);
        lp_copy_rows(input, output, 1, (uint32_t)row_bytes, 0);
        input += row_bytes;
        output = fill(output + row_bytes, params->right * depth, params->value);
    }
    (void)fill(output, params->bottom * padded_row_bytes, params->value);
}
