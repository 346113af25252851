/* Rows of an image under the windows of some output rows, expanded to int16: for convolutions three columns
 * wide with a step of one column, whose channels are a multiple of four.
 *
 * A row is input_channels / 4 planes of `columns` fours of inputs, of which each is two words, inputs 0, 2
 * and 1, 3.  Rows and planes follow each other at one distance, so that a window is every plane from its
 * first on.
 */
#ifndef LP_BAND_H
#define LP_BAND_H

#include "lp_dsp.h"

#define LP_BAND_KERNEL_WIDTH 3

typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int16_t *memory;
    int32_t *sums;   /* of the inputs of each column of each row, or 0 */
    int32_t planes;  /* of a row */
    int32_t columns; /* with the padding */
    int32_t rows;    /* that memory holds */
    int32_t held;    /* rows that it holds by now, the first of which is row `first` with the padding */
    int32_t first;
} lp_band;

LP_INLINE void lp_band_begin(lp_band *band, const lp_conv2d_params *params, const int8_t *input,
                             int16_t *memory, int32_t output_rows) {
    band->params = params;
    band->input = input;
    band->memory = memory;
    band->sums = 0;
    band->planes = params->input_channels / 4;
    band->columns = params->output_width + LP_BAND_KERNEL_WIDTH - 1;
    band->rows = (output_rows - 1) * params->stride_y + params->kernel_height;
    band->held = 0;
    band->first = 0;
}

/* `count` fours that lie `step` bytes apart, to neighbouring places. */
static LP_NOINLINE int16_t *lp_band_fours(const int8_t *from, int32_t step, int16_t *to, int32_t count,
                                          int32_t *sums) {
    for (; count > 0; count--, from += step, to += 4) {
        lp_expand_4(from, to, 2);
        if (sums) {
            *sums++ += to[0] + to[1] + to[2] + to[3];
        }
    }
    return to;
}

/* Row `y` of the image, or zero points where there is none. */
static LP_NOINLINE void lp_band_take(const lp_band *band, int32_t y, int32_t slot) {
    const lp_conv2d_params *params = band->params;
    const uint32_t padding = (uint8_t)params->input_zero_point * 0x01010101u;
    const int8_t *const outside = (const int8_t *)&padding;
    const int32_t depth = params->input_channels;
    const int32_t is_inside = y >= 0 && y < params->input_height;
    const int32_t left = is_inside ? params->padding_left : band->columns;
    const int32_t inside = is_inside ? lp_minimum(params->input_width, band->columns - left) : 0;
    const int8_t *from = is_inside ? band->input + y * params->input_width * depth : outside;
    int16_t *to = band->memory + slot * band->planes * band->columns * 4;
    int32_t *const sums = band->sums ? band->sums + slot * band->columns : 0;
    for (int32_t i = 0; sums && i < band->columns; i++) {
        sums[i] = 0;
    }
    for (int32_t plane = 0; plane < band->planes; plane++, from += 4) {
        to = lp_band_fours(outside, 0, to, left, sums);
        to = lp_band_fours(from, depth, to, inside, sums ? sums + left : 0);
        to = lp_band_fours(outside, 0, to, band->columns - left - inside, sums ? sums + left + inside : 0);
    }
}

/* Words from the place of rows that stay to the first. */
static void lp_band_move(int32_t *to, const int32_t *from, int32_t words) {
    for (; words >= 4; words -= 4, to += 4, from += 4) {
        const int32_t a = from[0];
        const int32_t b = from[1];
        const int32_t c = from[2];
        const int32_t d = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    for (; words > 0; words--) {
        *to++ = *from++;
        LP_OPAQUE(to);
    }
}

/* The rows of output rows from `y` on, as many as the band is for or the image has. */
LP_INLINE void lp_band_fill(lp_band *band, int32_t y) {
    const lp_conv2d_params *params = band->params;
    const int32_t row_words = band->planes * band->columns * 2;
    const int32_t first = y * params->stride_y;
    const int32_t end = (params->output_height - 1) * params->stride_y + params->kernel_height;
    const int32_t gone = first - band->first;
    const int32_t kept = lp_maximum(band->held - gone, 0);
    if (gone > 0 && kept > 0) {
        int32_t *const words = (int32_t *)(void *)band->memory;
        lp_band_move(words, words + gone * row_words, kept * row_words);
        if (band->sums) {
            lp_band_move(band->sums, band->sums + gone * band->columns, kept * band->columns);
        }
    }
    band->first = first;
    band->held = lp_minimum(band->rows, end - first);
    for (int32_t row = kept; row < band->held; row++) {
        lp_band_take(band, first + row - params->padding_top, row);
    }
}

/* Where the window of output `row` of those, column `x`, begins. */
LP_INLINE const int16_t *lp_band_window(const lp_band *band, int32_t row, int32_t x) {
    return band->memory + (row * band->params->stride_y * band->planes * band->columns + x) * 4;
}

/* Sum of the inputs of a window, where sums are kept. */
LP_INLINE int32_t lp_band_sum(const lp_band *band, int32_t row, int32_t x) {
    const int32_t *sums = band->sums + row * band->params->stride_y * band->columns + x;
    int32_t sum = 0;
    for (int32_t i = band->params->kernel_height; i > 0; i--, sums += band->columns) {
        sum += sums[0] + sums[1] + sums[2];
    }
    return sum;
}

#endif
