#ifndef LP_CONV2D_1X1_PAIRS_H
#define LP_CONV2D_1X1_PAIRS_H

#include "lp_pairs_block.h"

/* `step` outputs lie from pixel to pixel, of which those of `params` are some; a channel has `elements`
 * weights, zeros behind those of the pixel. */
LP_INLINE void conv2d_1x1_pairs(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                int32_t step, int32_t elements, void *scratch) {
    const int32_t depth = params->input_channels;
    for (int32_t left = (int32_t)params->output_height * params->output_width; left > 0;
         left -= LP_PAIRS_PIXELS) {
        const int32_t count = lp_minimum(left, LP_PAIRS_PIXELS);
        const int8_t *second = input + lp_minimum(1, count - 1) * depth;
        const int8_t *third = input + lp_minimum(2, count - 1) * depth;
        const int8_t *fourth = input + (count - 1) * depth;
        int32_t *to = (int32_t *)scratch;
        for (int32_t k = 0; k < depth; k++) {
            to[0] = lp_pixel_pair(input[k], second[k]);
            to[2] = lp_pixel_pair(third[k], fourth[k]);
            to += 1 + 2 * (k & 1);
        }
        lp_pairs_multiply(params, (const int32_t *)scratch, elements, count, output, step);
        input += count * depth;
        output += count * step;
    }
}

#endif
