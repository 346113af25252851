/* Windows that lie across the image's border, or have gaps, copied together. */
#ifndef LP_BORDER_H
#define LP_BORDER_H

#include "lp_bytes.h"

/* A row of a window, of the image's row `y`; returns where the next goes. */
static LP_NOINLINE int8_t *lp_copy_border_row(const lp_conv2d_params *params, const int8_t *input, int32_t y,
                                              int32_t x, int8_t *to) {
    const int32_t depth = params->input_channels;
    const int32_t step = params->dilation_x * depth;
    const lp_span columns = lp_inside(x, params->kernel_width, params->dilation_x, params->input_width);
    const int32_t run = params->dilation_x == 1 ? columns.end - columns.begin : 1;
    const int8_t *const row = input + (y * params->input_width + x) * depth;
    to = lp_fill_bytes(to, params->input_zero_point, columns.begin * depth);
    for (int32_t column = columns.begin; column < columns.end; column += run) {
        to = lp_copy_bytes(row + column * step, to, run * depth);
    }
    return lp_fill_bytes(to, params->input_zero_point, (params->kernel_width - columns.end) * depth);
}

/* A window whose first element would be at y, x, with zero points outside of the image. */
static LP_NOINLINE void lp_copy_border(const lp_conv2d_params *params, const int8_t *input, int32_t y,
                                       int32_t x, int8_t *to) {
    const int32_t length = params->kernel_width * params->input_channels;
    const lp_span rows = lp_inside(y, params->kernel_height, params->dilation_y, params->input_height);
    to = lp_fill_bytes(to, params->input_zero_point, rows.begin * length);
    for (int32_t row = rows.begin; row < rows.end; row++) {
        to = lp_copy_border_row(params, input, y + row * params->dilation_y, x, to);
    }
    (void)lp_fill_bytes(to, params->input_zero_point, (params->kernel_height - rows.end) * length);
}

#endif
