#include "lp_internal.h"

/* Channels that are summed side by side, so that compilers find vectors where there are any. */
#define BLOCK 16

/* `count` channels of one output pixel; `input` begins at the first of them. */
static void channels_of_pixel(const lp_average_pool2d_params *params, const int8_t *input, lp_span rows,
                              lp_span columns, int32_t count, int8_t *output) {
    const int32_t elements = (rows.end - rows.begin) * (columns.end - columns.begin);
    const lp_pool_scale *scale = params->scales;
    int32_t sums[BLOCK];
    while (scale->count != elements) {
        scale++;
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t *sum = sums + i;
        LP_OPAQUE(sum);
        *sum = -elements * params->input_zero_point;
    }
    for (int32_t y = rows.start + rows.begin; y < rows.start + rows.end; y++) {
        const int8_t *pixel =
            input + (y * params->input_width + columns.start + columns.begin) * params->channels;
        for (int32_t column = columns.begin; column < columns.end; column++, pixel += params->channels) {
            for (int32_t i = 0; i < count; i++) {
                sums[i] += pixel[i];
            }
        }
    }
    for (int32_t i = 0; i < count; i++) {
        output[i] = lp_requantize(sums[i], scale->multiplier, scale->shift, params->output_zero_point,
                                  params->minimum, params->maximum);
    }
}

void lp_average_pool2d_s8(const lp_average_pool2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->pool_height, 1,
                                       params->input_height);
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->pool_width,
                                              1, params->input_width);
            for (int32_t first = 0; first < depth; first += BLOCK) {
                channels_of_pixel(params, input + first, rows, columns, lp_minimum(BLOCK, depth - first),
                                  output + first);
            }
        }
    }
}
