/* A pool of windows.  The C file that includes this says with LP_START what a window begins with, with
 * LP_TAKE(result, value) what each element makes of that, and with lp_end() what becomes of it in the end. */
#ifndef LP_WIDE_POOL2D_H
#define LP_WIDE_POOL2D_H

LP_INLINE void pool2d(const lp_pool_params *params, const void *from, void *to) {
    const lp_windows *windows = &params->windows;
    const int32_t depth = windows->input_channels;
    const lp_value *input = (const lp_value *)from;
    lp_value *output = (lp_value *)to;
    for (int32_t y = 0; y < windows->output_height; y++) {
        const lp_span rows = lp_inside(y * windows->stride_y - windows->padding_top, windows->kernel_height,
                                       1, windows->input_height);
        for (int32_t x = 0; x < windows->output_width; x++) {
            const lp_span columns = lp_inside(x * windows->stride_x - windows->padding_left,
                                              windows->kernel_width, 1, windows->input_width);
            const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
            for (int32_t channel = 0; channel < depth; channel++) {
                LP_RESULT result = LP_START;
                for (int32_t row = rows.start + rows.begin; row < rows.start + rows.end; row++) {
                    const lp_value *pixel =
                        input + (row * windows->input_width + columns.start + columns.begin) * depth +
                        channel;
                    for (int32_t column = columns.begin; column < columns.end; column++, pixel += depth) {
                        result = LP_TAKE(result, *pixel);
                    }
                }
                *output++ = lp_cut_long(lp_end(params, result, count), params->minimum, params->maximum);
            }
        }
    }
}

#endif
