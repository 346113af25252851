#ifndef LP_WIDE_MAX_POOL2D_H
#define LP_WIDE_MAX_POOL2D_H

#include "lp_wide.h"

/* The larger of `output` and a pixel, channel by channel. */
static LP_NOINLINE void take_pixel(const lp_pool_params *params, const lp_value *pixel, lp_value *output) {
    const lp_value maximum = params->maximum;
    for (int32_t left = params->windows.input_channels; left > 0; left--, output++) {
        const lp_value value = *pixel++;
        if (value > *output) {
            *output = value > maximum ? maximum : value;
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
            int32_t y = top;
            for (int32_t tall = windows->kernel_height; tall > 0; tall--, y++) {
                int32_t x = left;
                for (int32_t wide = windows->kernel_width; wide > 0; wide--, x++) {
                    if ((uint32_t)y < windows->input_height && (uint32_t)x < windows->input_width) {
                        const int32_t at = (y * windows->input_width + x) * windows->input_channels;
                        take_pixel(params, (const lp_value *)from + at, pixel);
                    }
                }
            }
        }
    }
}

#endif
