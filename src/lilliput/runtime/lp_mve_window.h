#ifndef LP_MVE_WINDOW_H
#define LP_MVE_WINDOW_H

#include "lp_mve.h"

/* Copies one row of a window, from column `x` of the image's row at `image`; what lies outside is the zero
 * point. */
static LP_NOINLINE void lp_mve_gather_row(const lp_conv2d_params *params, const int8_t *image, int32_t x,
                                          int8_t *to) {
    const lp_span columns = lp_inside(x, params->kernel_width, params->dilation_x, params->input_width);
    const int32_t depth = params->input_channels;
    const int32_t zero_point = params->input_zero_point;
    const int32_t inside = columns.end - columns.begin;
    const int8_t *from = image + (x + columns.begin * params->dilation_x) * depth;
    int8_t *next = to + columns.begin * depth;
    lp_mve_fill(to, zero_point, columns.begin * depth);
    if (params->dilation_x == 1) {
        lp_mve_copy(from, next, inside * depth);
    } else {
        for (int32_t i = 0; i < inside; i++) {
            lp_mve_copy(from + i * params->dilation_x * depth, next + i * depth, depth);
        }
    }
    lp_mve_fill(to + columns.end * depth, zero_point, (params->kernel_width - columns.end) * depth);
}

/* Copies the window of output pixel `y`, `x`, row by row. */
static LP_NOINLINE void lp_mve_gather(const lp_conv2d_params *params, const int8_t *input, int32_t y,
                                      int32_t x, int8_t *to) {
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t row_bytes = params->input_width * params->input_channels;
    int32_t top = y * params->stride_y - params->padding_top;
    for (int32_t row = 0; row < params->kernel_height; row++, to += length, top += params->dilation_y) {
        if (top < 0 || top >= params->input_height) {
            lp_mve_fill(to, params->input_zero_point, length);
        } else {
            lp_mve_gather_row(params, input + top * row_bytes, x * params->stride_x - params->padding_left,
                              to);
        }
    }
}

#endif
