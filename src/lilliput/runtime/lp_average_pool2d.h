#ifndef LP_AVERAGE_POOL2D_H
#define LP_AVERAGE_POOL2D_H

#include "lp_dsp.h"
#include "lp_mean.h"

/* Channels that are summed side by side, so that compilers find vectors where there are any. */
#define BLOCK 16

/* Rows and columns of a window that lie inside the image, seen from its first element there. */
typedef struct {
    int32_t rows, columns;
    int32_t depth, row_step; /* from pixel to pixel, and from the end of a row of the window to its next */
} window;

#if LP_DSP
/* Elements whose sum int16 holds. */
#define MOST_PAIRED 256

/* Sums of four channels of at most so many elements. */
static void sum_four(const window *inside, const int8_t *pixel, int32_t *sums) {
    const int32_t depth = inside->depth;
    int32_t even = 0;
    int32_t odd = 0;
    for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
        for (int32_t column = inside->columns; column > 0; column--, pixel += depth) {
            const uint32_t bytes = lp_load_4(pixel);
            even = lp_add_even_bytes(even, bytes);
            odd = lp_add_odd_bytes(odd, bytes);
        }
    }
    sums[0] += (int16_t)even;
    sums[1] += (int16_t)odd;
    sums[2] += even >> 16;
    sums[3] += odd >> 16;
}
#endif

/* Sums of `count` channels. */
static void sum_channels(const window *inside, const int8_t *pixel, int32_t count,
                         int32_t *LP_RESTRICT sums) {
    for (int32_t row = inside->rows; row > 0; row--, pixel += inside->row_step) {
        for (int32_t column = inside->columns; column > 0; column--, pixel += inside->depth) {
            for (int32_t i = 0; i < count; i++) {
                sums[i] += pixel[i];
            }
        }
    }
}

/* `count` channels of one output pixel; `pixel` begins at the first of them. */
static void pool_channels(const lp_average_pool2d_params *params, const window *inside, const int8_t *pixel,
                          int32_t count, int8_t *output) {
    const int32_t elements = inside->rows * inside->columns;
    const lp_pool_scale *scale = find_scale(params, elements);
    int32_t sums[BLOCK];
    int32_t done = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t *sum = sums + i;
        LP_OPAQUE(sum);
        *sum = -elements * params->input_zero_point;
    }
#if LP_DSP
    for (; elements <= MOST_PAIRED && done + 4 <= count; done += 4) {
        sum_four(inside, pixel + done, sums + done);
    }
#endif
    if (done < count) {
        sum_channels(inside, pixel + done, count - done, sums + done);
    }
    for (int32_t i = 0; i < count; i++) {
        output[i] = output_of(params, scale, sums[i], elements);
    }
}

LP_INLINE void average_pool2d(const lp_average_pool2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t depth = params->channels;
    const int32_t row_bytes = params->input_width * depth;
    window inside;
    inside.depth = depth;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->pool_height, 1,
                                       params->input_height);
        const int8_t *image_row = input + (rows.start + rows.begin) * row_bytes;
        inside.rows = rows.end - rows.begin;
        for (int32_t x = 0; x < params->output_width; x++, output += depth) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->pool_width,
                                              1, params->input_width);
            const int8_t *pixel = image_row + (columns.start + columns.begin) * depth;
            inside.columns = columns.end - columns.begin;
            inside.row_step = row_bytes - inside.columns * depth;
            for (int32_t first = 0; first < depth; first += BLOCK) {
                pool_channels(params, &inside, pixel + first, lp_minimum(BLOCK, depth - first),
                              output + first);
            }
        }
    }
}

#endif
