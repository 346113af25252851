/* Convolution four pixels at a time: their windows are gathered, expanded to int16, and meet all weights at
 * once.
 *
 * A window's elements keep their order, (kernel height, kernel width, channels), and are filled to a multiple
 * of four.  Where the channels are such a multiple, they are expanded from the image as they lie; otherwise
 * the window is copied first.
 */
#ifndef LP_CONV2D_DSP_H
#define LP_CONV2D_DSP_H

#include "lp_block.h"
#include "lp_border.h"

/* The same for all pixels of a convolution. */
typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int8_t *copy; /* of a window */
    int32_t fours;
    int32_t row_bytes;
} geometry;

/* Columns of the kernel that lie side by side inside the image. */
typedef struct {
    int32_t begin, end;
} columns;

static columns columns_inside(const lp_conv2d_params *params, int32_t x) {
    const lp_span span = lp_inside(x, params->kernel_width, params->dilation_x, params->input_width);
    const columns found = {span.begin, span.end};
    return found;
}

/* Fours of zero points; returns where the next goes. */
static int16_t *expand_padding(int8_t zero_point, int16_t *to, int32_t fours) {
    const uint32_t bytes = (uint8_t)zero_point * 0x01010101u;
    for (; fours > 0; fours--) {
        to = lp_expand_fours((const int8_t *)&bytes, to, 1);
    }
    return to;
}

/* A window whose first element is at y, x. */
static void expand_window(const geometry *all, int32_t y, int32_t x, int16_t *to) {
    const lp_conv2d_params *params = all->params;
    const int32_t depth = params->input_channels;
    const int32_t run = params->dilation_x == 1 ? params->kernel_width : 1;
    const columns inside = columns_inside(params, x);
    for (int32_t row = 0; row < params->kernel_height; row++, y += params->dilation_y) {
        const int32_t at = y * all->row_bytes + x * depth;
        if (y < 0 || y >= params->input_height) {
            to = expand_padding(params->input_zero_point, to, params->kernel_width * depth / 4);
            continue;
        }
        to = expand_padding(params->input_zero_point, to, inside.begin * depth / 4);
        for (int32_t column = inside.begin; column < inside.end; column += run) {
            const int32_t count = run == 1 ? 1 : inside.end - inside.begin;
            to = lp_expand_fours(all->input + (at + column * params->dilation_x * depth), to,
                                 count * depth / 4);
        }
        to = expand_padding(params->input_zero_point, to, (params->kernel_width - inside.end) * depth / 4);
    }
}

/* The same by way of a copy, for any number of channels. */
static void expand_copied_window(const geometry *all, int32_t y, int32_t x, int16_t *to) {
    const lp_conv2d_params *params = all->params;
    const int32_t length = params->kernel_width * params->input_channels;
    if (x >= 0 && y >= 0 && x + params->kernel_width <= params->input_width &&
        y + params->kernel_height <= params->input_height && params->dilation_x * params->dilation_y == 1) {
        const int8_t *from = all->input + (y * all->row_bytes + x * params->input_channels);
        int8_t *place = all->copy;
        for (int32_t left = params->kernel_height; left > 0; left--, from += all->row_bytes) {
            place = lp_copy_bytes(from, place, length);
        }
    } else {
        lp_copy_border(params, all->input, y, x, all->copy);
    }
    (void)lp_expand_fours(all->copy, to, all->fours);
}

/* `step` outputs lie from pixel to pixel, of which those of `params` are some. */
LP_INLINE void conv2d_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output, int32_t step,
                          void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int32_t end_x = params->output_width * params->stride_x - params->padding_left;
    const int32_t is_copied = params->input_channels % 4 != 0;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t y = -params->padding_top;
    int32_t x = -params->padding_left;
    geometry all;
    lp_block block;
    all.params = params;
    all.input = input;
    all.fours = (elements + 3) / 4;
    all.row_bytes = params->input_width * params->input_channels;
    all.copy = (int8_t *)(inputs + all.fours * 4 * LP_BLOCK_PIXELS);
    lp_block_begin(&block, params, inputs, all.fours);
    if (is_copied) {
        (void)lp_fill_bytes(all.copy, 0, all.fours * 4);
    }
    for (int32_t left = params->output_height * params->output_width; left > 0; left -= LP_BLOCK_PIXELS) {
        const int32_t count = lp_minimum(left, LP_BLOCK_PIXELS);
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            int16_t *const to = inputs + pixel * LP_PIXEL_STEP(all.fours);
            if (is_copied) {
                expand_copied_window(&all, y, x, to);
            } else {
                expand_window(&all, y, x, to);
            }
            if (pixel < count - 1) {
                x += params->stride_x;
                if (x == end_x) {
                    x = -params->padding_left;
                    y += params->stride_y;
                }
            }
        }
        x += params->stride_x;
        if (x == end_x) {
            x = -params->padding_left;
            y += params->stride_y;
        }
        lp_block_pixels(&block, count, step);
        LP_PART(lp_multiply_block)(&block, output);
        output += count * step;
    }
}

#endif
