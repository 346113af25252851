/* Convolution whose kernel is three columns wide, for channels that are a multiple of four: each row of the
 * image is expanded once, into a ring of as many rows as the kernel is high, and serves all windows from
 * there.
 */
#ifndef LP_CONV2D_ROWS_DSP_H
#define LP_CONV2D_ROWS_DSP_H

#include "lp_rows.h"

/* The ring.  A row is input_channels / 4 planes of `columns` fours of inputs. */
typedef struct {
    const lp_conv2d_params *params;
    int16_t *memory;
    int32_t planes;
    int32_t columns;       /* from plane to plane */
    int32_t image_columns; /* of the image that lie in a row */
} ring;

#if LP_DSP

#define EXPAND(register, at)                                                                                 \
    "sxtb16  r12, " register "               \n"                                                             \
                             "eor     " register ", " register ", #0x007F007F \n"                            \
                                                               "str.w   r12, [r1, #" at "]              \n"  \
                                                               "str.w   " register ", [r1, #" at "+4]   \n"

/* `count` fours of inputs that lie `step` bytes apart. */
LP_NAKED static void expand_column(const int8_t *from LP_UNUSED, int16_t *to LP_UNUSED,
                                   int32_t count LP_UNUSED, int32_t step LP_UNUSED) {
    __asm__ volatile("push    {r4-r8, lr}                     \n"
                     "add.w   r8, r3, r3, lsl #1              \n"
                     "subs    r2, r2, #4                      \n"
                     "blt     2f                              \n"
                     ".balign 4                               \n"
                     "1:                                      \n" /* four fours */
                     "ldr.w   r4, [r0]                        \n"
                     "ldr.w   r5, [r0, r3]                    \n"
                     "ldr.w   r6, [r0, r3, lsl #1]            \n"
                     "ldr.w   r7, [r0, r8]                    \n"
                     "add.w   r0, r0, r3, lsl #2              \n" EXPAND("r4", "0") EXPAND("r5", "8")
                         EXPAND("r6", "16")
                             EXPAND("r7", "24") "subs    r2, r2, #4                      \n"
                                                "add.w   r1, r1, #32                     \n"
                                                "bge     1b                              \n"
                                                "2:                                      \n"
                                                "adds    r2, r2, #4                      \n"
                                                "beq     4f                              \n"
                                                "3:                                      \n" /* a four */
                                                "ldr.w   r4, [r0]                        \n"
                                                "add     r0, r0, r3                      \n"
                                                "subs    r2, r2, #1                      \n" EXPAND(
                                                    "r4", "0") "add.w   r1, r1, #8                      \n"
                                                               "bne     3b                              \n"
                                                               "4:                                      \n"
                                                               "pop     {r4-r8, pc}                     \n");
}

#else

static void expand_column(const int8_t *from, int16_t *to, int32_t count, int32_t step) {
    for (; count > 0; count--, from += step, to += 4) {
        for (int32_t i = 0; i < 4; i++) {
            to[i] = from[i];
        }
    }
}

#endif

/* Row `y` of the image, or zero points where there is none; what lies left and right of it is in memory
 * already. */
static void take_row(const ring *all, const int8_t *input, int32_t y, int16_t *to) {
    const lp_conv2d_params *params = all->params;
    const uint32_t padding = (uint8_t)params->input_zero_point * 0x01010101u;
    const int32_t is_inside = y >= 0 && y < params->input_height;
    const int8_t *from =
        is_inside ? input + y * params->input_width * params->input_channels : (const int8_t *)&padding;
    to += 4 * params->padding_left;
    for (int32_t plane = 0; plane < all->planes; plane++, to += 4 * all->columns) {
        expand_column(from, to, all->image_columns, is_inside ? params->input_channels : 0);
        from += is_inside ? 4 : 0;
    }
}

/* The windows of four pixels whose first column is `column`, in a ring whose first row is in slot `slot`. */
static void find_windows(const ring *all, lp_row_block *rows, int32_t slot, int32_t column) {
    const int32_t row_elements = 4 * all->planes * all->columns;
    int16_t *start = all->memory + 4 * column;
    rows->wrap = start;
    rows->block.inputs = start + slot * row_elements;
    rows->first_end = start + all->params->kernel_height * row_elements;
    rows->last_end = slot == 0 ? rows->first_end : rows->block.inputs;
}

LP_INLINE void conv2d_rows_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                               void *scratch) {
    const uint32_t padding = (uint8_t)params->input_zero_point * 0x01010101u;
    const int32_t channels = params->output_channels;
    const int32_t width = params->output_width;
    const int32_t columns = (width - 1) * params->stride_x + LP_ROWS_KERNEL_WIDTH;
    int32_t taken = 0; /* rows of the image so far, counted with the padding */
    int32_t slot = 0;  /* where the next goes */
    ring all;
    lp_row_block rows;
    all.params = params;
    all.memory = (int16_t *)scratch;
    all.planes = params->input_channels / 4;
    all.image_columns = lp_minimum(params->input_width, columns - params->padding_left);
    /* What is padding on the right of a plane is that on the left of the next, too. */
    const int32_t shared =
        lp_minimum(params->padding_left, columns - params->padding_left - all.image_columns);
    all.columns = columns - shared;
    expand_column((const int8_t *)&padding, all.memory,
                  params->kernel_height * all.planes * all.columns + shared, 0);
    lp_block_begin(&rows.block, params, all.memory,
                   params->kernel_height * all.planes * LP_ROWS_KERNEL_WIDTH);
    lp_block_pixels(&rows.block, LP_BLOCK_PIXELS, channels);
    rows.plane_bytes = 8 * all.columns;
    rows.stride = params->stride_x;
    for (int32_t y = 0; y < params->output_height; y++) {
        const int32_t first = y * params->stride_y;
        for (; taken < first + params->kernel_height; taken++) {
            if (taken >= first) {
                take_row(&all, input, taken - params->padding_top,
                         all.memory + slot * 4 * all.planes * all.columns);
                slot = slot + 1 == params->kernel_height ? 0 : slot + 1;
            }
        }
        for (int32_t x = 0; x < width; x += LP_BLOCK_PIXELS) {
            const int32_t pixel = lp_minimum(x, width - LP_BLOCK_PIXELS);
            find_windows(&all, &rows, slot, pixel * params->stride_x);
            LP_PART(lp_multiply_rows)(&rows, output + pixel * channels);
        }
        output += width * channels;
    }
}

#endif
