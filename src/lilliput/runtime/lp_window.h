/* Windows of a convolution, one after the other, expanded to int16: for kernels that multiply pairs.
 *
 * A window's elements keep their order, (kernel height, kernel width, channels), and are filled to a multiple
 * of four.  Four of them become two words, elements 0, 2 and 1, 3; whoever includes this says how many
 * elements, LP_WINDOW_STEP, there are from four to four, so that windows of several pixels can lie side by
 * side.  LP_WINDOW_SUMS 1 also adds up each window's elements, fillings included, which are zero.
 */
#ifndef LP_WINDOW_H
#define LP_WINDOW_H

#include "lp_border.h"

typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int8_t *copy; /* 4 * fours bytes of scratch memory */
    int32_t y, x; /* of the next window's first element */
    int32_t fours;
    int32_t sum; /* of the elements of the last window, if LP_WINDOW_SUMS is 1 */
} lp_window;

LP_INLINE void lp_window_begin(lp_window *window, const lp_conv2d_params *params, const int8_t *input,
                               int8_t *copy) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    window->params = params;
    window->input = input;
    window->copy = copy;
    window->y = -(int32_t)params->padding_top;
    window->x = -(int32_t)params->padding_left;
    window->fours = (elements + 3) / 4;
    copy += elements;
    for (int32_t left = 4 * window->fours - elements; left > 0; left--) {
        *copy++ = 0;
        LP_OPAQUE(copy);
    }
}

#if LP_DSP
LP_INLINE int32_t lp_window_four(uint32_t bytes, int16_t *to, int32_t sum) {
    lp_pair *const pairs = (lp_pair *)(void *)to;
    const int32_t even = lp_even_bytes(bytes);
    const int32_t odd = lp_odd_bytes(bytes);
    pairs[0] = even;
    pairs[1] = odd;
#if LP_WINDOW_SUMS
    sum = lp_multiply_pairs(odd, 0x00010001, lp_multiply_pairs(even, 0x00010001, sum));
#endif
    return sum;
}
#endif

/* Neighbouring fours, whose sum is added up if the kernel wants it; returns where the next goes. */
static LP_NOINLINE int16_t *lp_window_fours(lp_window *window, const int8_t *from, int16_t *to,
                                            int32_t fours) {
    int32_t sum = window->sum;
#if LP_DSP
    for (; fours >= 4; fours -= 4, from += 16, to += 4 * LP_WINDOW_STEP) {
        const uint32_t words[4] = {lp_load_4(from), lp_load_4(from + 4), lp_load_4(from + 8),
                                   lp_load_4(from + 12)};
        sum = lp_window_four(words[0], to, sum);
        sum = lp_window_four(words[1], to + LP_WINDOW_STEP, sum);
        sum = lp_window_four(words[2], to + 2 * LP_WINDOW_STEP, sum);
        sum = lp_window_four(words[3], to + 3 * LP_WINDOW_STEP, sum);
    }
    for (; fours > 0; fours--, from += 4, to += LP_WINDOW_STEP) {
        sum = lp_window_four(lp_load_4(from), to, sum);
    }
#else
    for (; fours > 0; fours--, from += 4, to += LP_WINDOW_STEP) {
        lp_expand_4(from, to, 2);
        sum += LP_WINDOW_SUMS * (from[0] + from[1] + from[2] + from[3]);
    }
#endif
    window->sum = sum;
    return to;
}

/* Expands the next window to where its first four goes. */
LP_INLINE void lp_window_expand(lp_window *window, int16_t *to) {
    const lp_conv2d_params *params = window->params;
    const int32_t row_bytes = params->input_width * params->input_channels;
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t y = window->y;
    const int32_t x = window->x;
    window->sum = 0;
    if (y >= 0 && x >= 0 && y + params->kernel_height <= params->input_height &&
        x + params->kernel_width <= params->input_width && params->dilation_x * params->dilation_y == 1) {
        const int8_t *from = window->input + (y * row_bytes + x * params->input_channels);
        if (length % 4 == 0) {
            for (int32_t row = params->kernel_height; row > 0; row--, from += row_bytes) {
                to = lp_window_fours(window, from, to, length / 4);
            }
        } else {
            int8_t *copy = window->copy;
            for (int32_t row = params->kernel_height; row > 0; row--, from += row_bytes) {
                copy = lp_copy_bytes(from, copy, length);
            }
            (void)lp_window_fours(window, window->copy, to, window->fours);
        }
    } else {
        lp_copy_border(params, window->input, y, x, window->copy);
        (void)lp_window_fours(window, window->copy, to, window->fours);
    }
    window->x += params->stride_x;
    if (window->x == params->output_width * params->stride_x - params->padding_left) {
        window->x = -(int32_t)params->padding_left;
        window->y += params->stride_y;
    }
}

#endif
