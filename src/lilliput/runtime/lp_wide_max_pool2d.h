#ifndef LP_WIDE_MAX_POOL2D_H
#define LP_WIDE_MAX_POOL2D_H

#include "lp_wide.h"

/* The larger of `output` and the pixel (y, x), channel by channel. */
static LP_NOINLINE void take_pixel(const lp_pool_params *params, const lp_value *input, int32_t y, int32_t x,
                                   lp_value *output) {
    const lp_windows *windows = &params->windows;
    if ((uint32_t)y >= windows->input_height || (uint32_t)x >= windows->input_width) {
        return;
    }
    input += (y * windows->input_width + x) * windows->input_channels;
    for (int32_t left = windows->input_channels; left > 0; left--, output++) {
        const lp_value value = *input++;
        if (value > *output) {
            *output = value > params->maximum ? params->maximum : value;
        }
    }
}

/* Pixel by pixel, so that all channels are one loop. */
LP_INLINE void max_pool2d(const lp_pool_params *params, const void *from, void *to) {
    const lp_windows *windows = &params->windows;
    lp_value *output = (lp_value *)to;
    int32_t top = -windows->padding_top;
    for (int32_t row = windows->output_height; row > 0; row--, top += windows->stride_y) {
        int32_t left = -windows->padding_left;
        for (int32_t column = windows->output_width; column > 0; column--, left += windows->stride_x) {
            lp_value *const pixel = output;
            for (int32_t channel = windows->input_channels; channel > 0; channel--) {
                *output++ = params->minimum;
            }
            for (int32_t y = 0; y < windows->kernel_height; y++) {
                for (int32_t x = 0; x < windows->kernel_width; x++) {
                    take_pixel(params, (const lp_value *)from, top + y, left + x, pixel);
                }
            }
        }
    }
}

#endif
