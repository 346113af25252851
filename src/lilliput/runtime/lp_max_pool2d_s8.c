#include "lp_internal.h"

/* The window's maxima gather in the output itself, a pixel of all channels at a time. */
static void pool_pixel(const lp_max_pool2d_params *params, const int8_t *input, lp_span rows, lp_span columns,
                       int8_t *LP_RESTRICT output) {
    const int32_t depth = params->channels;
    for (int32_t i = 0; i < depth; i++) {
        int8_t *place = output + i;
        LP_OPAQUE(place);
        *place = params->minimum;
    }
    for (int32_t y = rows.start + rows.begin; y < rows.start + rows.end; y++) {
        const int8_t *LP_RESTRICT pixel =
            input + (y * params->input_width + columns.start + columns.begin) * depth;
        for (int32_t column = columns.begin; column < columns.end; column++, pixel += depth) {
            for (int32_t i = 0; i < depth; i++) {
                output[i] = pixel[i] > output[i] ? pixel[i] : output[i];
            }
        }
    }
    for (int32_t i = 0; i < depth; i++) {
        output[i] = output[i] > params->maximum ? params->maximum : output[i];
    }
}

void lp_max_pool2d_s8(const lp_max_pool2d_params *params, const int8_t *input, int8_t *output) {
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->pool_height, 1,
                                       params->input_height);
        for (int32_t x = 0; x < params->output_width; x++, output += params->channels) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->pool_width,
                                              1, params->input_width);
            pool_pixel(params, input, rows, columns, output);
        }
    }
}
