#ifndef LP_CONV2D_1X1_DSP_H
#define LP_CONV2D_1X1_DSP_H

#include "lp_block.h"

/* The channels of one pixel; those beyond the last four meet weights of zero. */
LP_INLINE void expand_pixel(const int8_t *from, int32_t depth, int16_t *to) {
    to = lp_expand_fours(from, to, depth / 4);
    if (depth % 4 != 0) {
        int8_t rest[4] = {0, 0, 0, 0};
        from += depth / 4 * 4;
        for (int32_t i = 0; i < depth % 4; i++) {
            rest[i] = *from++;
            LP_OPAQUE(from);
        }
        (void)lp_expand_fours(rest, to, 1);
    }
}

LP_INLINE void conv2d_1x1_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                              void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t channels = params->output_channels;
    const int32_t step = depth * params->stride_x;
    const int32_t row_step = depth * params->input_width * params->stride_y - step * params->output_width;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t x = 0;
    lp_block block;
    lp_block_begin(&block, params, inputs, (depth + 3) / 4);
    for (int32_t left = (int32_t)params->output_height * params->output_width; left > 0;
         left -= LP_BLOCK_PIXELS) {
        const int32_t count = lp_minimum(left, LP_BLOCK_PIXELS);
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            expand_pixel(input, depth, inputs + pixel * LP_PIXEL_STEP(block.fours));
            if (pixel < left - 1) {
                input += step;
                if (++x == params->output_width) {
                    x = 0;
                    input += row_step;
                }
            }
        }
        lp_block_pixels(&block, count, channels);
        LP_PART(lp_multiply_block)(&block, output);
        output += count * channels;
    }
}

#endif
