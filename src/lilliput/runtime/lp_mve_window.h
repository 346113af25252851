/* Copies of windows. */
#ifndef LP_MVE_WINDOW_H
#define LP_MVE_WINDOW_H

#include "lp_mve.h"

/* An output pixel. */
typedef struct {
    int32_t y, x;
} lp_mve_place;

/* Copies `rows` rows of `length` bytes, which lie `from_step` and `to_step` bytes apart; `rows` is not 0.
 * No compiler keeps predicates across its calls, so that the assembly may change them. */
static LP_NOINLINE void lp_mve_copy_rows(const int8_t *from, int32_t from_step, int8_t *to, int32_t to_step,
                                         int32_t length, int32_t rows) {
#if LP_MVE
    if (from_step == length && to_step == length) {
        lp_mve_copy(from, to, rows * length);
        return;
    }
    if (length > 32) {
        for (; rows > 0; rows--, from += from_step, to += to_step) {
            lp_mve_copy(from, to, length);
        }
        return;
    }
    for (; length > 0; length -= 16, from += 16, to += 16) { /* columns of sixteen */
        const int8_t *source = from;
        int8_t *place = to;
        __asm__ volatile(
            "vctp.8         %[length]               \n"
            "dls            lr, %[rows]             \n"
            "1:                                     \n"
            "vpstt                                  \n"
            "vldrbt.u8      q0, [%[source]]         \n"
            "vstrbt.8       q0, [%[place]]          \n"
            "add            %[source], %[from_step] \n"
            "add            %[place], %[to_step]    \n"
            "le             lr, 1b                  \n"
            : [source] "+r"(source), [place] "+r"(place)
            : [length] "r"(length), [rows] "r"(rows), [from_step] "r"(from_step), [to_step] "r"(to_step)
            : "lr", "q0", "memory");
    }
#else
    for (int32_t i = 0; i < rows; i++) {
        lp_mve_copy(from + i * from_step, to + i * to_step, length);
    }
#endif
}

/* Copies what lies inside the image of `rows` rows of a window of column `x`; `input` is the first of them.
 */
static LP_NOINLINE void lp_mve_take_columns(const lp_conv2d_params *params, const int8_t *input, int32_t x,
                                            int32_t rows, int8_t *to) {
    const lp_span columns = lp_inside(x * params->stride_x - params->padding_left, params->kernel_width,
                                      params->dilation_x, params->input_width);
    const int32_t depth = params->input_channels;
    const int32_t row_step = params->dilation_y * params->input_width * depth;
    const int32_t is_dense = params->dilation_x == 1;
    const int32_t taken = is_dense ? (columns.end - columns.begin) * depth : depth;
    for (int32_t i = columns.begin; i < columns.end; i += is_dense ? columns.end : 1) {
        const int32_t column = columns.start + i * params->dilation_x;
        lp_mve_copy_rows(input + column * depth, row_step, to + i * depth, params->kernel_width * depth,
                         taken, rows);
    }
}

/* Copies the window of an output pixel; what lies outside the image is the zero point. */
static LP_NOINLINE void lp_mve_take_window(const lp_conv2d_params *params, const int8_t *input,
                                           const lp_mve_place *place, int8_t *to) {
    const lp_span rows = lp_inside(place->y * params->stride_y - params->padding_top, params->kernel_height,
                                   params->dilation_y, params->input_height);
    const int32_t length = params->kernel_width * params->input_channels;
    const int32_t top = rows.start + rows.begin * params->dilation_y;
    lp_mve_fill(to, params->input_zero_point, params->kernel_height * length);
    if (rows.begin < rows.end) {
        lp_mve_take_columns(params, input + top * params->input_width * params->input_channels, place->x,
                            rows.end - rows.begin, to + rows.begin * length);
    }
}

/* The same of `count` windows side by side, `to_step` bytes apart, whose columns lie inside: `input` is the
 * first column of the image; `top` may lie outside. */
static LP_NOINLINE void lp_mve_take_run(const lp_conv2d_params *params, const int8_t *input, int32_t top,
                                        int32_t count, int8_t *to, int32_t to_step) {
    const int32_t depth = params->input_channels;
    const int32_t length = params->kernel_width * depth;
    const int32_t row_bytes = params->input_width * depth;
    for (int32_t row = top; row < top + params->kernel_height; row++, to += length) {
        if (row >= 0 && row < params->input_height) {
            lp_mve_copy_rows(input + row * row_bytes, params->stride_x * depth, to, to_step, length, count);
        } else {
            for (int32_t i = 0; i < count; i++) {
                lp_mve_fill(to + i * to_step, params->input_zero_point, length);
            }
        }
    }
}

/* Copies the windows of `count` output pixels from `place` on, which is moved, `window_bytes` apart. */
LP_INLINE void lp_mve_take_windows(const lp_conv2d_params *params, const int8_t *input, lp_mve_place *place,
                                   int32_t count, int8_t *to, int32_t window_bytes) {
    const int32_t stride = params->stride_x;
    const int32_t room = params->input_width - params->kernel_width + params->padding_left;
    const int32_t is_dense = params->dilation_x == 1 && params->dilation_y == 1 && room >= 0;
    /* Columns of outputs whose windows lie inside. */
    const int32_t begin = (params->padding_left + stride - 1) / stride;
    const int32_t end = is_dense ? lp_minimum(room / stride + 1, params->output_width) : 0;
    while (count > 0) {
        int32_t run = 1;
        if (place->x >= begin && place->x < end) {
            const int32_t left = place->x * stride - params->padding_left;
            run = lp_minimum(count, end - place->x);
            lp_mve_take_run(params, input + left * params->input_channels,
                            place->y * params->stride_y - params->padding_top, run, to, window_bytes);
        } else {
            lp_mve_take_window(params, input, place, to);
        }
        count -= run;
        to += run * window_bytes;
        place->x += run;
        if (place->x == params->output_width) {
            place->x = 0;
            place->y++;
        }
    }
}

#endif
