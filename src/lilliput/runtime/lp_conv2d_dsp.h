/* Convolution four pixels at a time: their inputs are gathered, expanded to int16, and meet all weights at
 * once.
 *
 * A window is gathered run by run, a run being what lies side by side in the image: a row of the window, or a
 * single element of it where there is dilation.  Fours of a run come first, as pairs 0 2 and 1 3, which is
 * how SXTB16 leaves them; what remains of all runs follows behind the last four.  The weights have the same
 * order.
 */
#ifndef LP_CONV2D_DSP_H
#define LP_CONV2D_DSP_H

#include "lp_block.h"

/* Runs that lie `step` bytes apart.  The assembly knows the place of every field. */
typedef struct {
    int32_t fours, rest; /* of each run */
    int32_t count;
    int32_t step;
} runs;

/* Where the next elements of a pixel go. */
typedef struct {
    int16_t *fours;
    int16_t *rest;
} place;

/* The same for all pixels of a convolution. */
typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    runs row;       /* of one row of the window */
    runs window;    /* of a whole window, where it has one run a row */
    int32_t length; /* of a run */
    int32_t row_bytes;
    int32_t first_rest;    /* where the rest begins among a pixel's expanded inputs */
    int32_t height, width; /* of a window, dilated */
} geometry;

/* The element behind one of the rest: they come in pairs, as everything. */
static int16_t *after(int16_t *rest) {
    return rest + (((uintptr_t)rest & 2u) == 0u ? 1 : LP_PAIR_STEP - 1);
}

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(runs, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(fours, 0);
CHECK_OFFSET(rest, 4);
CHECK_OFFSET(count, 8);
CHECK_OFFSET(step, 12);

#define EXPAND(register, first, second)                                                                      \
    "sxtb16  r2, " register "                \n"                                                             \
                            "sxtb16  " register ", " register ", ror #8 \n"                                  \
                                                              "str.w   r2, [r1, #" first "]            \n"   \
                                                              "str.w   " register ", [r1, #" second "] \n"

/* Expands runs that lie wholly inside the image. */
LP_NAKED static void expand_runs(const int8_t *from LP_UNUSED, int16_t *fours LP_UNUSED,
                                 const runs *all LP_UNUSED, int16_t *rest LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}            \n"
        "ldr     r4, [r2, #0]            \n"
        "ldr     r5, [r2, #4]            \n"
        "ldr     r6, [r2, #8]            \n"
        "ldr     r7, [r2, #12]           \n"
        ".balign 4                       \n"
        "1:                              \n" /* a run */
        "subs.w  r9, r4, #4              \n"
        "mov     r8, r0                  \n"
        "blt     3f                      \n"
        ".balign 4                       \n"
        "2:                              \n" /* four fours */
        "ldr.w   r10, [r8, #0]           \n"
        "ldr.w   r11, [r8, #4]           \n"
        "ldr.w   r12, [r8, #8]           \n"
        "ldr.w   lr, [r8, #12]           \n" EXPAND("r10", "0", "16") EXPAND("r11", "32", "48")
            EXPAND("r12", "64", "80")
                EXPAND("lr", "96", "112") "add.w   r8, r8, #16             \n"
                                          "subs.w  r9, r9, #4              \n"
                                          "add.w   r1, r1, #128            \n"
                                          "bge     2b                      \n"
                                          "3:                              \n"
                                          "adds.w  r9, r9, #4              \n"
                                          "beq     5f                      \n"
                                          "4:                              \n" /* a four */
                                          "ldr     r10, [r8], #4           \n"
                                          "subs.w  r9, r9, #1              \n" EXPAND(
                                              "r10", "0",
                                              "16") "add.w   r1, r1, #32             \n"
                                                    "bne     4b                      \n"
                                                    "5:                              \n"
                                                    "movs.w  r9, r5                  \n"
                                                    "beq     7f                      \n"
                                                    "6:                              \n" /* one of the rest */
                                                    "ldrsb   r10, [r8], #1           \n"
                                                    "subs.w  r9, r9, #1              \n"
                                                    "strh.w  r10, [r3, #0]           \n"
                                                    "ubfx    r10, r3, #1, #1         \n"
                                                    "rsb.w   r10, r10, r10, lsl #2   \n"
                                                    "add.w   r10, r3, r10, lsl #2    \n"
                                                    "add.w   r3, r10, #2             \n"
                                                    "bne     6b                      \n"
                                                    "7:                              \n"
                                                    "add     r0, r0, r7              \n"
                                                    "subs    r6, r6, #1              \n"
                                                    "bne     1b                      \n"
                                                    "pop     {r4-r11, pc}            \n");
}

#else

static void expand_runs(const int8_t *from, int16_t *fours, const runs *all, int16_t *rest) {
    for (int32_t run = 0; run < all->count; run++, from += all->step) {
        const int8_t *element = from;
        for (int32_t i = 0; i < all->fours; i++, element += 4, fours += 2 * LP_PAIR_STEP) {
            lp_expand_4(element, fours, LP_PAIR_STEP);
        }
        for (int32_t i = 0; i < all->rest; i++, rest = after(rest)) {
            *rest = element[i];
        }
    }
}

#endif

static void expand_inside(const int8_t *from, const runs *all, place *to) {
    const int32_t rest = all->count * all->rest;
    expand_runs(from, to->fours, all, to->rest);
    to->fours += all->count * all->fours * 2 * LP_PAIR_STEP;
    to->rest += rest / 2 * LP_PAIR_STEP;
    if (rest % 2) {
        to->rest = after(to->rest);
    }
}

/* A run of which only the elements from `begin` to `end` lie inside; `row` + `start` is where element 0 would
 * be. */
static void expand_across(const geometry *all, const int8_t *row, int32_t start, int32_t begin, int32_t end,
                          place *to) {
    const int8_t zero_point = all->params->input_zero_point;
    int32_t i = 0;
    for (; i + 4 <= all->length; i += 4, to->fours += 2 * LP_PAIR_STEP) {
        if (i >= begin && i + 4 <= end) {
            lp_expand_4(row + (start + i), to->fours, LP_PAIR_STEP);
        } else if (i >= end || i + 4 <= begin) {
            to->fours[0] = to->fours[1] = to->fours[LP_PAIR_STEP] = to->fours[LP_PAIR_STEP + 1] = zero_point;
        } else {
            int8_t four[4];
            for (int32_t k = 0; k < 4; k++) {
                four[k] = i + k >= begin && i + k < end ? row[start + i + k] : zero_point;
            }
            lp_expand_4(four, to->fours, LP_PAIR_STEP);
        }
    }
    for (; i < all->length; i++, to->rest = after(to->rest)) {
        *to->rest = i >= begin && i < end ? row[start + i] : zero_point;
    }
}

/* A window that crosses the image's border, or has more than one run a row; its first element is at y, x. */
static LP_NOINLINE void expand_border(const geometry *all, int32_t y, int32_t x, place *to) {
    const lp_conv2d_params *params = all->params;
    const int32_t depth = params->input_channels;
    for (int32_t row = 0; row < params->kernel_height; row++, y += params->dilation_y) {
        const int32_t is_inside = y >= 0 && y < params->input_height;
        const int8_t *image_row = all->input + (is_inside ? y * all->row_bytes : 0);
        if (is_inside && x >= 0 && x + all->width <= params->input_width) {
            expand_inside(image_row + x * depth, &all->row, to);
            continue;
        }
        int32_t column = x;
        for (int32_t run = 0; run < all->row.count; run++, column += params->dilation_x) {
            const int32_t begin = column < 0 ? -column * depth : 0;
            const int32_t end = is_inside ? (params->input_width - column) * depth : 0;
            expand_across(all, image_row, column * depth, begin, end, to);
        }
    }
}

static void describe(geometry *all, const lp_conv2d_params *params, const int8_t *input) {
    const int32_t depth = params->input_channels;
    const int32_t has_long_runs = params->dilation_x == 1;
    all->params = params;
    all->input = input;
    all->length = has_long_runs ? params->kernel_width * depth : depth;
    all->row_bytes = params->input_width * depth;
    all->height = (params->kernel_height - 1) * params->dilation_y + 1;
    all->width = (params->kernel_width - 1) * params->dilation_x + 1;
    all->row.fours = all->window.fours = all->length / 4;
    all->row.rest = all->window.rest = all->length % 4;
    all->row.count = has_long_runs ? 1 : params->kernel_width;
    all->row.step = params->dilation_x * depth;
    all->window.count = has_long_runs ? params->kernel_height : 0;
    all->window.step = params->dilation_y * all->row_bytes;
    all->first_rest = params->kernel_height * all->row.count * all->row.fours * 2 * LP_PAIR_STEP;
}

LP_INLINE void conv2d_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                          void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    const int32_t end_x = params->output_width * params->stride_x - params->padding_left;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t y = -params->padding_top;
    int32_t x = -params->padding_left;
    geometry all;
    lp_block block;
    describe(&all, params, input);
    lp_block_begin(&block, params, inputs, elements);
    for (int32_t left = params->output_height * params->output_width; left > 0; left -= LP_BLOCK_PIXELS) {
        const int32_t count = lp_minimum(left, LP_BLOCK_PIXELS);
        for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
            int16_t *const first = inputs + pixel * LP_PIXEL_STEP(elements);
            place to = {first, first + all.first_rest};
            if (all.window.count > 0 && y >= 0 && x >= 0 && y + all.height <= params->input_height &&
                x + all.width <= params->input_width) {
                expand_runs(input + y * all.row_bytes + x * params->input_channels, to.fours, &all.window,
                            to.rest);
            } else {
                expand_border(&all, y, x, &to);
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
        lp_block_pixels(&block, count, params->output_channels);
        LP_PROFILE(lp_multiply_block, lp_multiply_block_tflm)(&block, output);
        output += count * params->output_channels;
    }
}

#endif
