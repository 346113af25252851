#ifndef LP_CONV2D_1X1_DSP_H
#define LP_CONV2D_1X1_DSP_H

#include "lp_block.h"

/* The channels of one pixel: fours as pairs 0 2 and 1 3, then what remains in its order. */
static void expand_pixel(const int8_t *from, int32_t depth, int16_t *to) {
    int32_t left = depth;
    for (; left >= 8; left -= 8, from += 8, to += 4 * LP_PAIR_STEP) {
        lp_expand_4(from, to, LP_PAIR_STEP);
        lp_expand_4(from + 4, to + 2 * LP_PAIR_STEP, LP_PAIR_STEP);
    }
    if (left >= 4) {
        lp_expand_4(from, to, LP_PAIR_STEP);
        to += 2 * LP_PAIR_STEP;
        from += 4;
        left -= 4;
    }
    for (int32_t i = 0; i < left; i++) {
        to[i / 2 * LP_PAIR_STEP + i % 2] = from[i];
    }
}

LP_INLINE void conv2d_1x1_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                              void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t channels = params->output_channels;
    int16_t *const inputs = (int16_t *)scratch;
    lp_block block;
    lp_block_begin(&block, params, inputs, depth);
    for (int32_t left = (int32_t)params->output_height * params->output_width; left > 0;
         left -= LP_BLOCK_PIXELS) {
        const int32_t count = lp_minimum(left, LP_BLOCK_PIXELS);
        for (int32_t pixel = 0; pixel < count; pixel++) {
            expand_pixel(input, depth, inputs + pixel * LP_PIXEL_STEP(depth));
            input += depth;
        }
        for (int32_t pixel = count; pixel < LP_BLOCK_PIXELS; pixel++) {
            expand_pixel(input - depth, depth, inputs + pixel * LP_PIXEL_STEP(depth));
        }
        lp_block_pixels(&block, count, channels);
        LP_PROFILE(lp_multiply_block, lp_multiply_block_tflm)(&block, output);
        output += count * channels;
    }
}

#endif
