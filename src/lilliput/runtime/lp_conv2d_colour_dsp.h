/* Convolution of an image of three channels by a kernel of 3x3, as most networks of images begin.
 *
 * A row of a window is nine bytes side by side.  The first eight of each row are expanded from the image as
 * they lie; the last ones of all three rows make another four, whose fourth input meets weights of zero.
 */
#ifndef LP_CONV2D_COLOUR_DSP_H
#define LP_CONV2D_COLOUR_DSP_H

#include "lp_block.h"

#define DEPTH 3
#define SIDE 3
#define ROW (SIDE * DEPTH)
#define FOURS 7

#if LP_DSP

#define EXPAND(register, first, second)                                                                      \
    "sxtb16  r12, " register "               \n"                                                             \
                             "eor     " register ", " register ", #0x007F007F \n"                            \
                                                               "str.w   r12, [r1, #" first "]           \n"  \
                                                               "str.w   " register ", [r1, #" second "] \n"

/* `count` windows, `step` bytes apart, in rows that lie `row_bytes` apart, for pixels side by side. */
LP_NAKED static void expand_windows(const int8_t *from LP_UNUSED, int16_t *to LP_UNUSED,
                                    int32_t row_bytes LP_UNUSED, int32_t step LP_UNUSED,
                                    int32_t count LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r10, lr}                    \n"
        "ldr.w   lr, [sp, #32]                   \n"
        ".balign 4                               \n"
        "1:                                      \n"
        "add.w   r8, r0, r2                      \n"
        "add.w   r9, r0, r2, lsl #1              \n"
        "ldr     r4, [r0, #0]                    \n"
        "ldr     r5, [r0, #4]                    \n"
        "ldrb    r6, [r0, #8]                    \n"
        "ldrb.w  r7, [r8, #8]                    \n"
        "ldrb.w  r10, [r9, #8]                   \n"
        "add     r0, r0, r3                      \n"
        "orr.w   r6, r6, r7, lsl #8              \n"
        "orr.w   r6, r6, r10, lsl #16            \n" EXPAND("r4", "0", "4") EXPAND("r5", "32", "36")
            EXPAND("r6", "192", "196") "ldr.w   r4, [r8, #0]                    \n"
                                       "ldr.w   r5, [r8, #4]                    \n"
                                       "ldr.w   r6, [r9, #0]                    \n"
                                       "ldr.w   r7, [r9, #4]                    \n"
                                       "subs.w  lr, lr, #1                      \n" EXPAND("r4", "64", "68")
                                           EXPAND("r5", "96", "100") EXPAND("r6", "128", "132")
                                               EXPAND("r7", "160",
                                                      "164") "add.w   r1, r1, #8                      \n"
                                                             "bne     1b                              \n"
                                                             "pop     {r4-r10, pc}                    \n");
}

#else

static void expand_windows(const int8_t *from, int16_t *to, int32_t row_bytes, int32_t step, int32_t count) {
    for (; count > 0; count--, from += step, to += LP_PIXEL_STEP(FOURS)) {
        int8_t window[4 * FOURS];
        int8_t *place = window;
        for (int32_t row = 0; row < SIDE; row++) {
            for (int32_t i = 0; i < ROW - 1; i++) {
                *place++ = from[row * row_bytes + i];
                LP_OPAQUE(place);
            }
            window[SIDE * (ROW - 1) + row] = from[row * row_bytes + ROW - 1];
        }
        window[4 * FOURS - 1] = 0;
        (void)lp_expand_fours(window, to, FOURS);
    }
}

#endif

/* The next four windows of a run. */
static void take_windows(lp_block *block) {
    expand_windows(block->from, block->inputs, block->row_bytes, block->step, LP_BLOCK_PIXELS);
    block->from += LP_BLOCK_PIXELS * block->step;
}

/* How many windows from the one that begins at y, x on lie inside, if their row has so many. */
LP_INLINE int32_t windows_inside(const lp_conv2d_params *params, int32_t y, int32_t x) {
    const int32_t room = params->input_width - SIDE - x;
    const int32_t is_inside = y >= 0 && y + SIDE <= params->input_height && x >= 0 && room >= 0;
    return is_inside ? room / params->stride_x + 1 : 0;
}

/* A window that lies across the border, by way of a copy. */
static LP_NOINLINE void expand_border_window(const lp_conv2d_params *params, const int8_t *input, int32_t y,
                                             int32_t x, int16_t *to) {
    const int32_t row_bytes = params->input_width * DEPTH;
    int8_t copy[SIDE * ROW];
    int8_t *place = copy;
    for (int32_t row = 0; row < SIDE; row++, y++) {
        const uint32_t width = y >= 0 && y < params->input_height ? (uint32_t)row_bytes : 0;
        for (int32_t i = 0; i < ROW; i++) {
            const int32_t at = x * DEPTH + i;
            *place++ = (uint32_t)at < width ? input[y * row_bytes + at] : params->input_zero_point;
            LP_OPAQUE(place);
        }
    }
    expand_windows(copy, to, ROW, 0, 1);
}

LP_INLINE void conv2d_colour_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                 void *scratch) {
    const int32_t row_bytes = params->input_width * DEPTH;
    const int32_t stride = params->stride_x;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t y = -params->padding_top;
    int32_t column = 0; /* of the output */
    int32_t left = params->output_height * params->output_width;
    lp_block block;
    lp_block_begin(&block, params, inputs, FOURS);
    lp_block_pixels(&block, LP_BLOCK_PIXELS, params->output_channels);
    block.take_next = take_windows;
    block.step = stride * DEPTH;
    block.row_bytes = row_bytes;
    while (left > 0) {
        const int32_t x = column * stride - params->padding_left;
        const int32_t inside = lp_minimum(windows_inside(params, y, x), params->output_width - column);
        if (inside >= LP_BLOCK_PIXELS) {
            block.from = input + (y * row_bytes + x * DEPTH);
            take_windows(&block);
            block.blocks = lp_block_run(&block, inside / LP_BLOCK_PIXELS);
            column += block.blocks * LP_BLOCK_PIXELS;
        } else {
            int16_t *to = inputs;
            for (int32_t pixel = 1; pixel <= LP_BLOCK_PIXELS; pixel++, to += LP_PIXEL_STEP(FOURS)) {
                const int32_t start = column * stride - params->padding_left;
                if (windows_inside(params, y, start) > 0) {
                    expand_windows(input + (y * row_bytes + start * DEPTH), to, row_bytes, 0, 1);
                } else {
                    expand_border_window(params, input, y, start, to);
                }
                if (pixel < left && ++column == params->output_width) {
                    column = 0;
                    y += params->stride_y;
                }
            }
            block.blocks = 1;
        }
        if (column == params->output_width) {
            column = 0;
            y += params->stride_y;
        }
        if (left < LP_BLOCK_PIXELS) {
            lp_block_pixels(&block, left, params->output_channels);
        }
        LP_PART(lp_multiply_block)(&block, output);
        output += block.blocks * LP_BLOCK_PIXELS * params->output_channels;
        left -= block.blocks * LP_BLOCK_PIXELS;
    }
}

#endif
