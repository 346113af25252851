/* What convolutions share that compute four output pixels side by side, two in a word. */
#ifndef LP_PAIRS_BLOCK_H
#define LP_PAIRS_BLOCK_H

#include "lp_pixel_pairs.h"

/* Pixels 0 and 1 lie in one word, 2 and 3 in another. */
#define LP_PAIRS_PIXELS 4

/* Where element `k` of pixels 0 and 1 lies; that of pixels 2 and 3 lies two words behind it. */
#define LP_PAIRS_PLACE(k) (((k) >> 1) * 4 + ((k) & 1))

/* Inputs of a window. */
LP_INLINE int32_t lp_window_elements(const lp_conv2d_params *params) {
    return (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
}

/* Zeros where windows of `elements` inputs are filled to fours, which no gathering changes; to how many. */
LP_INLINE int32_t lp_pairs_fill(int32_t elements, int32_t *inputs) {
    for (; elements % 4 != 0; elements++) {
        inputs[LP_PAIRS_PLACE(elements)] = 0;
        inputs[LP_PAIRS_PLACE(elements) + 2] = 0;
    }
    return elements;
}

/* Sums of the products of four pixels with 4 * `fours` weights, aligned to 4; `fours` is not 0. */
void lp_dot_pairs(const int8_t *weights, const int32_t *inputs, int32_t fours, int32_t *sums);

/* Adds the products with `count` weights, 1 to 3, that fill no word. */
static LP_NOINLINE void lp_pairs_rest(const int8_t *weights, const int32_t *inputs, int32_t count,
                                      int32_t *sums) {
    for (int32_t k = 0; k < count; k++) {
        const int32_t weight = weights[k];
        const int32_t *pair = inputs + LP_PAIRS_PLACE(k);
        for (int32_t i = 0; i < LP_PAIRS_PIXELS; i += 2, pair += 2) {
            const int32_t upper = (*pair + 0x8000) >> 16;
            sums[i] += weight * (*pair - 65536 * upper);
            sums[i + 1] += weight * upper;
        }
    }
}

/* All output channels of `params` of `count` pixels, 1 to 4, `step` outputs apart, with `elements` inputs for
 * each output. */
LP_INLINE void lp_pairs_multiply(const lp_conv2d_params *params, const int32_t *inputs, int32_t elements,
                                 int32_t count, int8_t *output, int32_t step) {
    const lp_profile_channel *channel = lp_channels(params->channels);
    const int32_t fours = elements / 4;
    const int32_t rest_count = elements % 4;
    const int32_t channels = params->output_channels;
    const int8_t *weights = params->weights;
    const int8_t *rest = weights + channels * fours * 4;
    lp_pairs_scale scale;
    lp_pairs_scale_begin(&scale, params, step);
    for (const lp_profile_channel *end = channel + channels; channel != end; channel++, output++) {
        int32_t sums[LP_PAIRS_PIXELS];
        if (fours > 0) {
            lp_dot_pairs(weights, inputs, fours, sums);
            weights += fours * 4;
        } else {
            sums[0] = sums[1] = sums[2] = sums[3] = 0;
        }
        if (rest_count > 0) {
            lp_pairs_rest(rest, inputs + fours * 8, rest_count, sums);
            rest += rest_count;
        }
        lp_pairs_output(&scale, channel, params->shift, sums, count, output);
    }
}

#endif
