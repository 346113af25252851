/* The windows of a row of outputs, expanded once: what those of neighbouring pixels share is there once.
 *
 * Rows under the windows are copied with their padding.  Two neighbouring elements of a row are a step, and
 * two steps a four: steps go down the kernel's rows, then two elements to the right.  Side by side lie the
 * fours of pixels 0 to 3, whose windows begin `stride` elements apart; the windows of pixels 4 to 7 are those
 * of pixels 0 to 3, further on by as many fours as there are in 4 * stride columns of elements.
 *
 * LP_STRIP_SPLIT 1: fours meet weights of two halves (lp_expand.h).  0: they are elements 0, 2 and 1, 3.
 */
#ifndef LP_STRIP_H
#define LP_STRIP_H

#include "lp_bytes.h"

#define LP_STRIP_PIXELS 4

typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int16_t *inputs;
    int8_t *rows;       /* copies of those under the windows */
    int32_t row_bytes;  /* from one to the next */
    int32_t stride;     /* from window to window, in elements */
    int32_t fours;      /* of a window */
    int32_t fours_more; /* from four pixels to the next four */
    int32_t fours_all;
} lp_strip;

LP_INLINE void lp_strip_begin(lp_strip *strip, const lp_conv2d_params *params, const int8_t *input,
                              void *scratch) {
    const int32_t steps = (params->kernel_width * params->input_channels + 1) / 2; /* of a row */
    const int32_t stride = params->stride_x * params->input_channels;
    const int32_t steps_all = steps + (params->output_width - 1) / LP_STRIP_PIXELS * 2 * stride;
    strip->params = params;
    strip->input = input;
    strip->inputs = (int16_t *)scratch;
    strip->stride = stride;
    strip->fours = (steps * params->kernel_height + 1) / 2;
    strip->fours_more = stride * params->kernel_height;
    strip->fours_all = (steps_all * params->kernel_height + 1) / 2;
    strip->row_bytes = (2 * steps_all + 3 * stride + 5) / 4 * 4;
    strip->rows = (int8_t *)(strip->inputs + 4 * LP_STRIP_PIXELS * strip->fours_all);
}

/* Copies the rows under the windows that begin in row `y`. */
LP_INLINE void lp_strip_copy(const lp_strip *strip, int32_t y) {
    const lp_conv2d_params *params = strip->params;
    const int8_t value = (int8_t)params->input_zero_point;
    const int32_t left = lp_minimum(params->padding_left * params->input_channels, strip->row_bytes);
    const int32_t image_bytes = params->input_width * params->input_channels;
    const int32_t count = lp_minimum(image_bytes, strip->row_bytes - left);
    int8_t *to = strip->rows;
    for (int32_t row = y; row < y + params->kernel_height; row++) {
        int32_t filled = strip->row_bytes;
        if (row >= 0 && row < params->input_height) {
            to = lp_fill_bytes(to, value, left);
            to = lp_copy_bytes(strip->input + row * image_bytes, to, count);
            filled -= left + count;
        }
        to = lp_fill_bytes(to, value, filled);
    }
}

#if LP_DSP

LP_INLINE uint32_t lp_strip_four(const int8_t *first, const int8_t *second) {
    return (uint32_t)((const lp_unaligned_half *)(const void *)first)->value |
           (uint32_t)((const lp_unaligned_half *)(const void *)second)->value << 16;
}

LP_INLINE void lp_strip_expand(uint32_t bytes, lp_pair *to) {
    to[0] = lp_even_bytes(bytes);
#if LP_STRIP_SPLIT
    to[1] = (int32_t)(bytes ^ 0x007F007Fu);
#else
    to[1] = lp_odd_bytes(bytes);
#endif
}

/* Expands the windows of a row of outputs that begin in row `y`. */
static LP_NOINLINE void lp_strip_row(const lp_strip *strip, int32_t y) {
    const int32_t height = strip->params->kernel_height;
    const int32_t row_bytes = strip->row_bytes;
    const int32_t stride = strip->stride;
    const int8_t *from = strip->rows;
    lp_pair *to = (lp_pair *)(void *)strip->inputs;
    int32_t row = height;
    lp_strip_copy(strip, y);
    for (int32_t left = strip->fours_all; left > 0; left--, to += 2 * LP_STRIP_PIXELS) {
        const int8_t *steps[2];
        for (int32_t i = 0; i < 2; i++) {
            steps[i] = from;
            from += row_bytes;
            if (--row == 0) {
                row = height;
                from += 2 - height * row_bytes;
            }
        }
        lp_strip_expand(lp_strip_four(steps[0], steps[1]), to);
        steps[0] += stride;
        steps[1] += stride;
        lp_strip_expand(lp_strip_four(steps[0], steps[1]), to + 2);
        steps[0] += stride;
        steps[1] += stride;
        lp_strip_expand(lp_strip_four(steps[0], steps[1]), to + 4);
        lp_strip_expand(lp_strip_four(steps[0] + stride, steps[1] + stride), to + 6);
    }
}

/* The windows of pixels from `pixel` on, a multiple of four. */
LP_INLINE const int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    return strip->inputs + 4 * strip->fours_more * pixel;
}

#else

static LP_NOINLINE void lp_strip_row(const lp_strip *strip, int32_t y) {
    lp_strip_copy(strip, y);
}

/* The same, which are gathered only now: in order for weights of two halves, from pixel to pixel. */
static LP_NOINLINE const int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    const int32_t height = strip->params->kernel_height;
    for (int32_t i = 0; i < LP_STRIP_PIXELS; i++) {
        const int8_t *from = strip->rows + (pixel + i) * strip->stride;
        for (int32_t step = 0; step < 2 * strip->fours; step++) {
            const int8_t *two = from + step % height * strip->row_bytes + step / height * 2;
#if LP_STRIP_SPLIT
            int16_t *to = strip->inputs + (4 * strip->fours * i + 2 * step);
            to[0] = two[0];
            to[1] = two[1];
#else
            int16_t *to = strip->inputs + (step / 2 * 4 * LP_STRIP_PIXELS + 4 * i + step % 2);
            to[0] = two[0];
            to[2] = two[1];
#endif
        }
    }
    return strip->inputs;
}

#endif

#endif
