#ifndef LP_CONV2D_PAIRS_H
#define LP_CONV2D_PAIRS_H

#include "lp_pairs_block.h"

/* Where the first element of a window lies; may be outside the image. */
typedef struct {
    int32_t y, x;
} corner;

/* `count` inputs of two pixels; returns where the next go.  `is_odd` says whether an odd number came before.
 */
LP_INLINE int32_t *put_pairs(const int8_t *const *from, const int32_t *step, int32_t count, int32_t *is_odd,
                             int32_t *to) {
    const int8_t *first = from[0];
    const int8_t *second = from[1];
    for (;;) {
        for (; count > 1 && !*is_odd; count -= 2, to += 4) {
            to[0] = lp_pixel_pair(first[0], second[0]);
            to[1] = lp_pixel_pair(first[step[0]], second[step[1]]);
            first += 2 * step[0];
            second += 2 * step[1];
        }
        if (count == 0) {
            return to;
        }
        *to = lp_pixel_pair(*first, *second);
        first += step[0];
        second += step[1];
        to += 1 + 2 * *is_odd;
        *is_odd ^= 1;
        count--;
    }
}

/* Whether no column of a window is padding, and all lie side by side. */
LP_INLINE int32_t is_run(const lp_conv2d_params *params, int32_t x) {
    return x >= 0 && x + params->kernel_width <= params->input_width && params->dilation_x == 1;
}

/* The windows of two pixels, row by row. */
static void gather_pair(const lp_conv2d_params *params, const int8_t *input, const corner *corners,
                        int32_t *to) {
    const int32_t are_runs = is_run(params, corners[0].x) && is_run(params, corners[1].x);
    const int32_t columns = are_runs ? 1 : params->kernel_width;
    const int32_t count = are_runs ? params->kernel_width * params->input_channels : params->input_channels;
    int32_t is_odd = 0;
    for (int32_t row = 0; row < params->kernel_height; row++) {
        for (int32_t column = 0; column < columns; column++) {
            const int8_t *from[2];
            int32_t step[2];
            for (int32_t i = 0; i < 2; i++) {
                const int32_t y = corners[i].y + row * params->dilation_y;
                const int32_t x = corners[i].x + column * params->dilation_x;
                const int32_t is_inside =
                    y >= 0 && y < params->input_height && x >= 0 && x < params->input_width;
                /* Outside, the zero point again and again. */
                from[i] = is_inside ? input + (y * params->input_width + x) * params->input_channels
                                    : &params->input_zero_point;
                step[i] = is_inside;
            }
            to = put_pairs(from, step, count, &is_odd, to);
        }
    }
}

/* `step` outputs lie from pixel to pixel, of which those of `params` are some; a channel has `elements`
 * weights, zeros behind those of the window. */
LP_INLINE void conv2d_pairs(const lp_conv2d_params *params, const int8_t *input, int8_t *output, int32_t step,
                            int32_t elements, void *scratch) {
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
        lp_pairs_multiply(params, inputs, elements, count, output, step);
        output += count * step;
    }
}

#endif
