#ifndef LP_WIDE_PAD_H
#define LP_WIDE_PAD_H

#include "lp_wide.h"

static lp_value *fill(lp_value *output, int32_t count, lp_value value) {
    lp_value *const end = output + count;
    while (output < end) {
        *output++ = value;
        LP_OPAQUE(output);
    }
    return output;
}

LP_INLINE void pad(const lp_pad_wide_params *params, const void *from, void *to) {
    const int32_t depth = params->channels;
    const int32_t row = params->input_width * depth;
    const int32_t padded_row = row + (params->left + params->right) * depth;
    const lp_value *input = (const lp_value *)from;
    lp_value *output = fill((lp_value *)to, params->top * padded_row, params->value);
    for (int32_t y = 0; y < params->input_height; y++) {
        output = fill(output, params->left * depth, params->value);
        for (int32_t i = row; i > 0; i--) {
            *output++ = *input++;
            LP_OPAQUE(output);
        }
        output = fill(output, params->right * depth, params->value);
    }
    (void)fill(output, params->bottom * padded_row, params->value);
}

#endif
