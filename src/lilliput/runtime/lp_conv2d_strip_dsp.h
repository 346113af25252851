/* Convolution four pixels at a time, whose windows lie in a strip: for rows of a window that are no multiple
 * of four elements, as of images of one channel. */
#ifndef LP_CONV2D_STRIP_DSP_H
#define LP_CONV2D_STRIP_DSP_H

#define LP_STRIP_SPLIT 1
#include "lp_block.h"
#include "lp_conv2d_strip.h"
#include "lp_strip.h"

LP_INLINE void conv2d_strip_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                void *scratch) {
    const int32_t channels = params->output_channels;
    const int32_t width = params->output_width;
    int32_t y = -(int32_t)params->padding_top;
    lp_strip strip;
    lp_block block;
    lp_strip_begin(&strip, params, input, scratch);
    lp_block_begin(&block, params, strip.inputs, strip.fours);
    block.take_next = 0;
    block.step = strip.step;
    for (int32_t left = params->output_height; left > 0; left--, y += params->stride_y) {
        lp_strip_row(&strip, y);
        lp_block_pixels(&block, LP_BLOCK_PIXELS, channels);
        for (int32_t x = 0; x < width; x += block.blocks * LP_BLOCK_PIXELS) {
            const int32_t whole = (width - x) / LP_BLOCK_PIXELS;
            block.blocks = whole > 0 ? lp_block_run(&block, whole) : 1;
            if (whole == 0) {
                lp_block_pixels(&block, width - x, channels);
            }
            block.inputs = lp_strip_windows(&strip, x);
            LP_PART(lp_multiply_block)(&block, output + x * channels);
        }
        output += width * channels;
    }
}

#endif
