#ifndef LP_CONV2D_PAIRS_H
#define LP_CONV2D_PAIRS_H

#include "lp_pairs_block.h"

/* Where the first element of a window lies; may be outside the image. */
typedef struct {
    int32_t y, x;
} corner;

/* The windows of two pixels, row by row. */
static void gather_pair(const lp_conv2d_params *params, const int8_t *input, const corner *corners,
                        int32_t *to) {
    const int32_t depth = params->input_channels;
    int32_t k = 0;
    for (int32_t row = 0; row < params->kernel_height; row++) {
        for (int32_t column = 0; column < params->kernel_width; column++) {
            const int8_t *from[2];
            int32_t step[2];
            for (int32_t i = 0; i < 2; i++) {
                const int32_t y = corners[i].y + row * params->dilation_y;
                const int32_t x = corners[i].x + column * params->dilation_x;
                const int32_t is_inside =
                    y >= 0 && y < params->input_height && x >= 0 && x < params->input_width;
                /* Outside, the zero point again and again. */
                from[i] =
                    is_inside ? input + (y * params->input_width + x) * depth : &params->input_zero_point;
                step[i] = is_inside;
            }
            for (int32_t i = 0; i < depth; i++, k++) {
                *to = lp_pixel_pair(*from[0], *from[1]);
                from[0] += step[0];
                from[1] += step[1];
                to += 1 + 2 * (k & 1);
            }
        }
    }
}

LP_INLINE void conv2d_pairs(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                            void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int32_t end_x = params->output_width * params->stride_x - params->padding_left;
    int32_t *const inputs = (int32_t *)scratch;
    corner next;
    next.y = -params->padding_top;
    next.x = -params->padding_left;
    for (int32_t left = params->output_height * params->output_width; left > 0; left -= LP_PAIRS_PIXELS) {
        const int32_t count = lp_minimum(left, LP_PAIRS_PIXELS);
        corner corners[LP_PAIRS_PIXELS];
        for (int32_t i = 0; i < LP_PAIRS_PIXELS; i++) {
            corners[i].y = next.y;
            corners[i].x = next.x;
            if (i >= count - 1 && i < LP_PAIRS_PIXELS - 1) {
                continue; /* the last pixel stands for those that are missing */
            }
            next.x += params->stride_x;
            if (next.x == end_x) {
                next.x = -params->padding_left;
                next.y += params->stride_y;
            }
        }
        gather_pair(params, input, corners, inputs);
        gather_pair(params, input, corners + 2, inputs + 2);
        lp_pairs_multiply(params, inputs, elements, count, output);
        output += count * params->output_channels;
    }
}

#endif
