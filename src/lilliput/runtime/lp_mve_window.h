/* Copies of windows. */
#ifndef LP_MVE_WINDOW_H
#define LP_MVE_WINDOW_H

#include "lp_mve_lines.h"

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
    const int32_t is_dense = params->dilation_x == 1;
    const int32_t pieces = is_dense ? 1 : params->kernel_width;
    const int32_t length = is_dense ? params->kernel_width * depth : depth;
    const int32_t row_bytes = params->input_width * depth;
    for (int32_t i = 0; i < params->kernel_height * pieces; i++, to += length) {
        const int32_t row = top + i / pieces * params->dilation_y;
        if (row >= 0 && row < params->input_height) {
            const int8_t *const from = input + row * row_bytes + i % pieces * params->dilation_x * depth;
            lp_mve_copy_rows(from, params->stride_x * depth, to, to_step, length, count);
        } else {
            for (int32_t j = 0; j < count; j++) {
                lp_mve_fill(to + j * to_step, params->input_zero_point, length);
            }
        }
    }
}

/* Where windows come from: of lines in scratch memory, or straight from the input. */
typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    lp_mve_place place; /* the next output pixel */
    int32_t window_bytes;
    int32_t begin, end; /* columns of outputs whose windows lie inside */
    lp_mve_lines lines;
} lp_mve_source;

/* `memory` is that for lines. */
static LP_NOINLINE void lp_mve_begin_source(lp_mve_source *source, const lp_conv2d_params *params,
                                            const int8_t *input, int8_t *memory, int32_t window_bytes) {
    const int32_t stride = params->stride_x;
    const int32_t reach = (params->kernel_width - 1) * params->dilation_x + 1;
    const int32_t room = params->input_width - reach + params->padding_left;
    source->params = params;
    source->input = input;
    source->place.y = source->place.x = 0;
    source->window_bytes = window_bytes;
    source->begin = (params->padding_left + stride - 1) / stride;
    source->end = room >= 0 ? lp_minimum(room / stride + 1, params->output_width) : 0;
    if (params->strip_lines) {
        begin_lines(&source->lines, params, memory, window_bytes);
    }
}

/* Copies windows from the next pixel on: of some of `count` pixels that lie side by side.  Returns how many.
 */
LP_INLINE int32_t lp_mve_take_some(lp_mve_source *source, int32_t count, int8_t *to) {
    const lp_conv2d_params *params = source->params;
    const lp_mve_place *place = &source->place;
    const int32_t left = place->x * params->stride_x - params->padding_left;
    const int32_t run = lp_minimum(count, source->end - place->x);
    if (params->strip_lines) {
        lp_mve_lines *lines = &source->lines;
        const int32_t is_column = params->output_width == 1;
        if (lines->begin < 0 || place->y >= lines->begin + lines->lines) {
            take_rows_of_lines(lines, params, source->input, place->y);
        }
        const int32_t left_of_line =
            is_column ? lp_minimum(lines->begin + lines->lines, params->output_height) - place->y
                      : params->output_width - place->x;
        const int32_t taken = lp_minimum(count, left_of_line);
        take_windows_of_line(lines, params,
                             lines->memory + (place->y - lines->begin) * params->stride_y * lines->row_bytes +
                                 place->x * lines->pixel_bytes,
                             taken, to);
        return taken;
    }
    if (place->x < source->begin || run <= 0) {
        lp_mve_take_window(params, source->input, place, to);
        return 1;
    }
    lp_mve_take_run(params, source->input + left * params->input_channels,
                    place->y * params->stride_y - params->padding_top, run, to, source->window_bytes);
    return run;
}

/* Copies the windows of the next `count` output pixels. */
static LP_NOINLINE void lp_mve_take_windows(lp_mve_source *source, int32_t count, int8_t *to) {
    while (count > 0) {
        const int32_t taken = lp_mve_take_some(source, count, to);
        count -= taken;
        to += taken * source->window_bytes;
        if (source->params->output_width == 1) {
            source->place.y += taken;
            continue;
        }
        source->place.x += taken;
        if (source->place.x == source->params->output_width) {
            source->place.x = 0;
            source->place.y++;
        }
    }
}

#endif
