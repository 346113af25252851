/* The windows of a row of outputs, expanded once: what those of neighbouring pixels share is there once.
 *
 * A four is four neighbouring elements of a row; a column is a four of each of the kernel's rows, one below
 * the other.  Side by side lie the fours of pixels 0 to 3, whose windows begin `stride` elements apart.  A
 * window is columns one behind the other, and those of pixels 4 to 7 begin `stride` columns later.
 *
 * Of rows of five elements, a step of one apart, the fifth ones of four rows make a four as well, behind a
 * window's only column.
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
    int8_t *copy;       /* rows under the windows, where they reach beyond the image */
    int32_t copy_bytes; /* of such a row */
    int32_t stride;     /* from window to window, in elements */
    int32_t columns;
    int32_t ends;  /* fours of fifth elements behind each column */
    int32_t fours; /* of a window */
    const int8_t *rows;
    int32_t row_bytes; /* from one of `rows` to the next */
} lp_strip;

LP_INLINE void lp_strip_begin(lp_strip *strip, const lp_conv2d_params *params, const int8_t *input,
                              void *scratch) {
    const int32_t height = params->kernel_height;
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t stride = params->stride_x * params->input_channels;
    const int32_t ends = length == 5 && stride == 1 ? (height + 3) / 4 : 0;
    const int32_t across = ends > 0 ? 1 : (length + 3) / 4;
    strip->params = params;
    strip->input = input;
    strip->inputs = (int16_t *)scratch;
    strip->stride = stride;
    strip->ends = ends;
    strip->columns = (params->output_width - 1) / LP_STRIP_PIXELS * stride + across;
    strip->fours = across * height + ends;
    strip->copy = (int8_t *)(strip->inputs + 4 * LP_STRIP_PIXELS * strip->columns * (height + ends));
    strip->copy_bytes = 4 * (strip->columns + stride);
}

/* Bytes from the windows of four pixels to those of the next four. */
LP_INLINE int32_t lp_strip_step(const lp_strip *strip) {
    return 8 * LP_STRIP_PIXELS * (strip->params->kernel_height + strip->ends) * strip->stride;
}

/* Finds the rows under the windows that begin in row `y`: copies with their padding, if need be, or if they
 * are read again when outputs of that row are written, which may lie over them. */
static LP_NOINLINE void lp_strip_find(lp_strip *strip, int32_t y) {
    const lp_conv2d_params *params = strip->params;
    const int32_t height = params->kernel_height;
    const int32_t image_bytes = params->input_width * params->input_channels;
    const int32_t last = (y + height - 1) * image_bytes;
    const int32_t reach = (params->output_width - 1) * params->stride_x + params->kernel_width;
    strip->rows = strip->input + y * image_bytes;
    strip->row_bytes = image_bytes;
    if (!LP_DSP || y < 0 || params->padding_left > 0 || reach > params->input_width ||
        last + strip->copy_bytes > params->input_height * image_bytes) {
        const int32_t left = lp_minimum(params->padding_left * params->input_channels, strip->copy_bytes);
        const int32_t count = lp_minimum(image_bytes, strip->copy_bytes - left);
        int8_t *to = strip->copy;
        for (int32_t row = y; row < y + height; row++) {
            int32_t filled = strip->copy_bytes;
            if (row >= 0 && row < params->input_height) {
                to = lp_fill_bytes(to, params->input_zero_point, left);
                to = lp_copy_bytes(strip->input + row * image_bytes, to, count);
                filled -= left + count;
            }
            to = lp_fill_bytes(to, params->input_zero_point, filled);
        }
        strip->rows = strip->copy;
        strip->row_bytes = strip->copy_bytes;
    }
}

#if LP_DSP

LP_INLINE void lp_strip_expand(uint32_t bytes, lp_pair *to) {
    to[0] = lp_even_bytes(bytes);
#if LP_STRIP_SPLIT
    to[1] = (int32_t)(bytes ^ 0x007F007Fu);
#else
    to[1] = lp_odd_bytes(bytes);
#endif
}

/* Fours of rows, each at its place in its column. */
static LP_NOINLINE void lp_strip_fours(const lp_strip *strip, lp_pair *first, int32_t column_pairs) {
    const int32_t stride = strip->stride;
    const int8_t *row = strip->rows;
    for (int32_t left = strip->params->kernel_height; left > 0; left--, row += strip->row_bytes) {
        const int8_t *from = row;
        lp_pair *to = first;
        for (int32_t column = strip->columns; column > 0; column--, from += 4, to += column_pairs) {
            const uint32_t words[4] = {lp_load_4(from), lp_load_4(from + stride),
                                       lp_load_4(from + 2 * stride), lp_load_4(from + 3 * stride)};
            lp_strip_expand(words[0], to);
            lp_strip_expand(words[1], to + 2);
            lp_strip_expand(words[2], to + 4);
            lp_strip_expand(words[3], to + 6);
        }
        first += 2 * LP_STRIP_PIXELS;
    }
}

/* Fours of fifth elements; the last row stands for those that are missing. */
static LP_NOINLINE void lp_strip_ends(const lp_strip *strip, lp_pair *first, int32_t column_pairs) {
    const int32_t last = strip->params->kernel_height - 1;
    for (int32_t row = 0; row <= last; row += 4, first += 2 * LP_STRIP_PIXELS) {
        const int8_t *rows[4];
        lp_pair *to = first;
        for (int32_t i = 0; i < 4; i++) {
            rows[i] = strip->rows + lp_minimum(row + i, last) * strip->row_bytes;
        }
        for (int32_t at = 4; at <= 4 * strip->columns; at += 4, to += column_pairs) {
            const uint32_t a = lp_load_4(rows[0] + at);
            const uint32_t b = lp_load_4(rows[1] + at);
            const uint32_t c = lp_load_4(rows[2] + at);
            const uint32_t d = lp_load_4(rows[3] + at);
            const uint32_t even = lp_zip_even_bytes(a, b);
            const uint32_t odd = lp_zip_odd_bytes(a, b);
            const uint32_t even_2 = lp_zip_even_bytes(c, d);
            const uint32_t odd_2 = lp_zip_odd_bytes(c, d);
            lp_strip_expand(lp_low_halves(even, even_2), to);
            lp_strip_expand(lp_low_halves(odd, odd_2), to + 2);
            lp_strip_expand(lp_high_halves(even, even_2), to + 4);
            lp_strip_expand(lp_high_halves(odd, odd_2), to + 6);
        }
    }
}

/* Expands the windows of a row of outputs that begin in row `y`. */
LP_INLINE void lp_strip_row(lp_strip *strip, int32_t y) {
    const int32_t fours = strip->params->kernel_height + strip->ends;
    lp_pair *const first = (lp_pair *)(void *)strip->inputs;
    lp_strip_find(strip, y);
    lp_strip_fours(strip, first, 2 * LP_STRIP_PIXELS * fours);
    if (strip->ends > 0) {
        lp_strip_ends(strip, first + 2 * LP_STRIP_PIXELS * strip->params->kernel_height,
                      2 * LP_STRIP_PIXELS * fours);
    }
}

/* The windows of pixels from `pixel` on, a multiple of four. */
LP_INLINE int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    return strip->inputs + lp_strip_step(strip) / 2 * (pixel / LP_STRIP_PIXELS);
}

#else

LP_INLINE void lp_strip_row(lp_strip *strip, int32_t y) {
    lp_strip_find(strip, y);
}

LP_INLINE void lp_strip_expand(const int8_t *from, int32_t step, int16_t *to) {
#if LP_STRIP_SPLIT
    static const uint8_t order[4] = {0, 1, 2, 3};
#else
    static const uint8_t order[4] = {0, 2, 1, 3};
#endif
    for (int32_t i = 0; i < 4; i++) {
        to[order[i]] = from[i * step];
    }
}

/* The same, which are gathered only now: where weights have two halves, in order from pixel to pixel. */
static LP_NOINLINE int16_t *lp_strip_windows(const lp_strip *strip, int32_t pixel) {
    const int32_t height = strip->params->kernel_height;
    const int32_t four_step = LP_STRIP_SPLIT ? 4 : 4 * LP_STRIP_PIXELS;
    for (int32_t i = 0; i < LP_STRIP_PIXELS; i++) {
        const int8_t *from = strip->rows + (pixel + i) * strip->stride;
        int16_t *to = strip->inputs + (LP_STRIP_SPLIT ? 4 * strip->fours * i : 4 * i);
        for (int32_t four = 0; four < strip->fours - strip->ends; four++, to += four_step) {
            lp_strip_expand(from + four % height * strip->row_bytes + four / height * 4, 1, to);
        }
        for (int32_t end = 0; end < strip->ends; end++, to += four_step) {
            int8_t bytes[4];
            for (int32_t row = 0; row < 4; row++) {
                bytes[row] = from[lp_minimum(4 * end + row, height - 1) * strip->row_bytes + 4];
            }
            lp_strip_expand(bytes, 1, to);
        }
    }
    return strip->inputs;
}

#endif

#endif
