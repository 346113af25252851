#ifndef LP_CONV2D_1X1_DSP_H
#define LP_CONV2D_1X1_DSP_H

#include "lp_block.h"

/* The channels of one pixel; those beyond the last four meet weights of zero. */
LP_INLINE void expand_pixel(const int8_t *from, int32_t depth, int16_t *to) {
    to = lp_expand_fours(from, to, depth / 4);
    if (depth % 4 != 0) {
        int8_t rest[4] = {0, 0, 0, 0};
        from += depth / 4 * 4;
        for (int32_t i = 0; i < depth % 4; i++) {
            rest[i] = *from++;
            LP_OPAQUE(from);
        }
        (void)lp_expand_fours(rest, to, 1);
    }
}

#if LP_DSP

#define EXPAND(register, first, second)                                                                      \
    "sxtb16  r2, " register "                \n"                                                             \
                            "eor     " register ", " register ", #0x007F007F \n"                             \
                                                              "str     r2, [r1, #" first "]            \n"   \
                                                              "str     " register ", [r1, #" second "] \n"

/* The next four pixels of a run. */
LP_NAKED static void take_pixels(lp_block *block LP_UNUSED) {
    __asm__ volatile("push    {r4-r8, lr}                     \n"
                     "ldr     r3, [r0, #72]                   \n"
                     "ldr     r4, [r0, #68]                   \n"
                     "ldr     r1, [r0, #8]                    \n"
                     "ldr.w   r12, [r0, #12]                  \n"
                     "add.w   r5, r4, r3, lsl #2              \n"
                     "add.w   r8, r3, r3, lsl #1              \n"
                     "str     r5, [r0, #68]                   \n"
                     "mov     r0, r4                          \n"
                     ".balign 4                               \n"
                     "1:                                      \n"
                     "ldr     r5, [r0, r3]                    \n"
                     "ldr.w   r6, [r0, r3, lsl #1]            \n"
                     "ldr.w   r7, [r0, r8]                    \n"
                     "ldr     r4, [r0], #4                    \n"
                     "subs.w  r12, r12, #1                    \n" EXPAND("r5", "8", "12")
                         EXPAND("r6", "16", "20")
                             EXPAND("r7", "24", "28") "sxtb16  r2, r4                          \n"
                                                      "eor     r4, r4, #0x007F007F             \n"
                                                      "str     r4, [r1, #4]                    \n"
                                                      "str     r2, [r1], #32                   \n"
                                                      "bne     1b                              \n"
                                                      "pop     {r4-r8, pc}                     \n");
}

#else

static void take_pixels(lp_block *block) {
    for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++, block->from += block->step) {
        (void)lp_expand_fours(block->from, block->inputs + pixel * LP_PIXEL_STEP(block->fours), block->fours);
    }
}

#endif

LP_INLINE void conv2d_1x1_dsp(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                              void *scratch) {
    const int32_t depth = params->input_channels;
    const int32_t channels = params->output_channels;
    const int32_t step = depth * params->stride_x;
    const int32_t row_step = depth * params->input_width * params->stride_y - step * params->output_width;
    int16_t *const inputs = (int16_t *)scratch;
    /* Pixels that follow each other lie side by side. */
    const int32_t is_plain = depth % 4 == 0 && step == depth && row_step == 0;
    int32_t x = 0;
    int32_t left = (int32_t)params->output_height * params->output_width;
    lp_block block;
    lp_block_begin(&block, params, inputs, (depth + 3) / 4);
    lp_block_pixels(&block, LP_BLOCK_PIXELS, channels);
    block.take_next = take_pixels;
    block.from = input;
    block.step = depth;
    while (left > 0) {
        if (is_plain && left >= LP_BLOCK_PIXELS) {
            take_pixels(&block);
            block.blocks = lp_block_run(&block, left / LP_BLOCK_PIXELS);
            input += block.blocks * LP_BLOCK_PIXELS * depth;
        } else {
            for (int32_t pixel = 0; pixel < LP_BLOCK_PIXELS; pixel++) {
                expand_pixel(input, depth, inputs + pixel * LP_PIXEL_STEP(block.fours));
                if (pixel < left - 1) {
                    input += step;
                    if (++x == params->output_width) {
                        x = 0;
                        input += row_step;
                    }
                }
            }
            lp_block_pixels(&block, lp_minimum(left, LP_BLOCK_PIXELS), channels);
            block.blocks = 1;
        }
        LP_PART(lp_multiply_block)(&block, output);
        output += block.blocks * LP_BLOCK_PIXELS * channels;
        left -= block.blocks * LP_BLOCK_PIXELS;
    }
}

#endif
