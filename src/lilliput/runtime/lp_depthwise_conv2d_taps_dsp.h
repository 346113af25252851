/* Depthwise convolution of any window, with any dilation, pixel by pixel from inputs and weights as they lie.
 *
 * Four channels at a time; where they are no multiple of four, the last four are summed up once more, and
 * those of them that are left are put out.  Rows and columns of a window that lie outside of the image are
 * left out, so inputs are multiplied less their zero point.
 */
#ifndef LP_DEPTHWISE_CONV2D_TAPS_DSP_H
#define LP_DEPTHWISE_CONV2D_TAPS_DSP_H

#include "lp_dsp.h"
#include "lp_profile.h"

/* Neighbouring pixels of which the same elements of the window lie in the image.  Those are runs, rows or
 * columns, whichever are longer.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *input;   /* of the first pixel's first element */
    const int8_t *weights; /* of that element */
    const lp_profile_channel *channels;
    int32_t depth;             /* channels, at least 4 */
    int32_t zero_points;       /* the input's, negative, in both halves */
    int32_t input_step;        /* from element to element of a run */
    int32_t weights_step;      /* the same in the weights */
    int32_t elements;          /* of a run */
    int32_t input_advance;     /* from behind a run to the next */
    int32_t weights_advance;   /* the same in the weights */
    int32_t runs;              /* may be 0 */
    int32_t zero_point;        /* the output's */
    uint32_t minimum, maximum; /* each in four bytes */
    int32_t pixel_step;        /* from pixel to pixel of the input */
    int32_t pixels;
    int32_t *sums; /* only in `lilliput`: if not 0, four sums of one pixel go there instead */
} taps;

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(taps, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(input, 0);
CHECK_OFFSET(weights, 4);
CHECK_OFFSET(channels, 8);
CHECK_OFFSET(depth, 12);
CHECK_OFFSET(zero_points, 16);
CHECK_OFFSET(input_step, 20);
CHECK_OFFSET(weights_step, 24);
CHECK_OFFSET(elements, 28);
CHECK_OFFSET(input_advance, 32);
CHECK_OFFSET(weights_advance, 36);
CHECK_OFFSET(runs, 40);
CHECK_OFFSET(zero_point, 44);
CHECK_OFFSET(minimum, 48);
CHECK_OFFSET(maximum, 52);
CHECK_OFFSET(pixel_step, 56);
CHECK_OFFSET(pixels, 60);
CHECK_OFFSET(sums, 64);

#undef CHECK_OFFSET

/* Four channels of an element: inputs in r6, weights in r8. */
#define MULTIPLY                                                                                             \
    "sxtab16 r7, r0, r6, ror #8            \n"                                                               \
    "sxtab16 r6, r0, r6                    \n"                                                               \
    "sxtb16  lr, r8, ror #8                \n"                                                               \
    "sxtb16  r8, r8                        \n"                                                               \
    "smlabb  r9, r6, r8, r9                \n"                                                               \
    "smlabb  r10, r7, lr, r10              \n"                                                               \
    "smlatt  r11, r6, r8, r11              \n"                                                               \
    "smlatt  r12, r7, lr, r12              \n"

/* Stack: 0 and 4 from behind a run to the next, 8 elements of a run, 12 runs to come; of four channels 16
 * inputs, 20 weights, 24 what they add and are scaled by, 28 how many are to come; 32 inputs of the pixel, 36
 * pixels to come; 40 the structure, 44 where outputs go. */
#define BEGIN                                                                                                \
    "push    {r0, r1, r4-r11, lr}          \n"                                                               \
    "sub     sp, #40                       \n"                                                               \
    "ldr     r1, [r0, #0]                  \n"                                                               \
    "ldr     r2, [r0, #60]                 \n"                                                               \
    "strd    r1, r2, [sp, #32]             \n"                                                               \
    "ldrd    r1, r2, [r0, #32]             \n"                                                               \
    "strd    r1, r2, [sp, #0]              \n"                                                               \
    "ldr     r1, [r0, #28]                 \n"                                                               \
    "str     r1, [sp, #8]                  \n"

#define BEGIN_PIXEL                                                                                          \
    "ldr.w   lr, [sp, #40]                 \n"                                                               \
    "ldr     r1, [sp, #32]                 \n"                                                               \
    "ldr.w   r2, [lr, #4]                  \n"                                                               \
    "ldrd    r3, r4, [lr, #8]              \n"                                                               \
    "strd    r1, r2, [sp, #16]             \n"                                                               \
    "strd    r3, r4, [sp, #24]             \n"

/* r0 zero points, r1 inputs, r2 weights, r3 and r4 steps of both, r5 elements of a run, r9-r12 sums. */
#define BEGIN_CHANNELS                                                                                       \
    "ldr.w   r6, [lr, #40]                 \n"                                                               \
    "add.w   r7, lr, #16                   \n"                                                               \
    "ldmia.w r7, {r0, r3, r4, r5}          \n"                                                               \
    "str     r6, [sp, #12]                 \n"                                                               \
    "mov.w   r9, #0                        \n"                                                               \
    "mov     r10, r9                       \n"                                                               \
    "mov     r11, r9                       \n"                                                               \
    "mov     r12, r9                       \n"                                                               \
    "cmp     r6, #0                        \n"                                                               \
    "beq     6f                            \n"

/* The first of an odd number of elements. */
#define MULTIPLY_ONE                                                                                         \
    "lsrs    r5, r5, #1                    \n"                                                               \
    "bcc     4f                            \n"                                                               \
    "ldr     r6, [r1]                      \n"                                                               \
    "ldr.w   r8, [r2]                      \n"                                                               \
    "add     r1, r3                        \n"                                                               \
    "add     r2, r4                        \n" MULTIPLY "cbz     r5, 5f                        \n"

/* Two elements: 27 cycles for 8 products. */
#define MULTIPLY_TWO                                                                                         \
    "ldr     r6, [r1]                      \n"                                                               \
    "ldr.w   r8, [r2]                      \n" MULTIPLY "ldr     r6, [r1, r3]                  \n"           \
    "ldr.w   r8, [r2, r4]                  \n"                                                               \
    "add.w   r1, r1, r3, lsl #1            \n"                                                               \
    "add.w   r2, r2, r4, lsl #1            \n" MULTIPLY "subs    r5, #1                        \n"           \
    "bne     4b                            \n"

#define NEXT_RUN                                                                                             \
    "ldrd    r6, r7, [sp, #0]              \n"                                                               \
    "ldrd    r5, lr, [sp, #8]              \n"                                                               \
    "add     r1, r6                        \n"                                                               \
    "add     r2, r7                        \n"                                                               \
    "subs.w  lr, lr, #1                    \n"                                                               \
    "str.w   lr, [sp, #12]                 \n"                                                               \
    "bne     3b                            \n"

/* Values from sums; r1 is what they add and are scaled by, r0 the zero point. */
#if LP_TFLM
#define CHANNEL_BYTES "12"
#define OR_SUMS
#define SCALE                                                                                                \
    "ldmia   r1!, {r2-r7}                  \n"                                                               \
    "add     r9, r2                        \n"                                                               \
    "smmlar  r9, r9, r3, r9                \n"                                                               \
    "add.w   r9, r9, r9, asr #31           \n"                                                               \
    "smmlsr  r9, r9, r4, r0                \n"                                                               \
    "add     r10, r5                       \n"                                                               \
    "smmlar  r10, r10, r6, r10             \n"                                                               \
    "add.w   r10, r10, r10, asr #31        \n"                                                               \
    "smmlsr  r10, r10, r7, r0              \n"                                                               \
    "ldmia   r1!, {r2-r7}                  \n"                                                               \
    "add     r11, r2                       \n"                                                               \
    "smmlar  r11, r11, r3, r11             \n"                                                               \
    "add.w   r11, r11, r11, asr #31        \n"                                                               \
    "smmlsr  r11, r11, r4, r0              \n"                                                               \
    "add     r12, r5                       \n"                                                               \
    "smmlar  r12, r12, r6, r12             \n"                                                               \
    "add.w   r12, r12, r12, asr #31        \n"                                                               \
    "smmlsr  r12, r12, r7, r0              \n"
#else
#define CHANNEL_BYTES "8"
#define OR_SUMS                                                                                              \
    "ldr.w   r2, [lr, #64]                 \n"                                                               \
    "cbz     r2, 7f                        \n"                                                               \
    "stmia.w r2, {r9-r12}                  \n"                                                               \
    "b       11f                           \n"                                                               \
    "7:                                    \n"
#define SCALE                                                                                                \
    "ldmia   r1!, {r2-r5}                  \n"                                                               \
    "add     r9, r2                        \n"                                                               \
    "smmlar  r9, r9, r3, r0                \n"                                                               \
    "add     r10, r4                       \n"                                                               \
    "smmlar  r10, r10, r5, r0              \n"                                                               \
    "ldmia   r1!, {r2-r5}                  \n"                                                               \
    "add     r11, r2                       \n"                                                               \
    "smmlar  r11, r11, r3, r0              \n"                                                               \
    "add     r12, r4                       \n"                                                               \
    "smmlar  r12, r12, r5, r0              \n"
#endif

/* Four bytes, or what is left of the channels; then the next four, or the last four. */
#define PUT_OUT                                                                                              \
    "ssat    r9, #8, r9                    \n"                                                               \
    "ssat    r10, #8, r10                  \n"                                                               \
    "ssat    r11, #8, r11                  \n"                                                               \
    "ssat    r12, #8, r12                  \n"                                                               \
    "ldrd    r2, r3, [lr, #48]             \n"                                                               \
    "bfi     r9, r10, #8, #8               \n"                                                               \
    "bfi     r11, r12, #8, #8              \n"                                                               \
    "ldr     r5, [sp, #28]                 \n"                                                               \
    "ldr     r6, [sp, #44]                 \n"                                                               \
    "pkhbt   r9, r9, r11, lsl #16          \n"                                                               \
    "ssub8   r4, r9, r2                    \n"                                                               \
    "sel     r9, r9, r2                    \n"                                                               \
    "ssub8   r4, r3, r9                    \n"                                                               \
    "sel     r9, r9, r3                    \n"                                                               \
    "subs    r5, #4                        \n"                                                               \
    "blt     9f                            \n"                                                               \
    "str     r9, [r6], #4                  \n"                                                               \
    "str     r6, [sp, #44]                 \n"                                                               \
    "beq     10f                           \n"                                                               \
    "movs    r7, #4                        \n"                                                               \
    "cmp     r5, r7                        \n"                                                               \
    "blt     8f                            \n"                                                               \
    "7:                                    \n"                                                               \
    "strd    r1, r5, [sp, #24]             \n"                                                               \
    "ldrd    r1, r2, [sp, #16]             \n"                                                               \
    "add     r1, r7                        \n"                                                               \
    "add     r2, r7                        \n"                                                               \
    "strd    r1, r2, [sp, #16]             \n"                                                               \
    "b       2b                            \n"                                                               \
    "8:                                    \n"                                                               \
    "rsb.w   r2, r5, #4                    \n"                                                               \
    "mov     r7, r5                        \n"                                                               \
    "movs    r4, #" CHANNEL_BYTES "        \n"                                                               \
    "mls     r1, r2, r4, r1                \n"                                                               \
    "b       7b                            \n"                                                               \
    "9:                                    \n"                                                               \
    "rsbs    r7, r5, #0                    \n"                                                               \
    "lsls    r7, r7, #3                    \n"                                                               \
    "lsr.w   r9, r9, r7                    \n"                                                               \
    "adds    r5, #4                        \n"                                                               \
    "12:                                   \n"                                                               \
    "strb    r9, [r6], #1                  \n"                                                               \
    "lsr.w   r9, r9, #8                    \n"                                                               \
    "subs    r5, #1                        \n"                                                               \
    "bne     12b                           \n"                                                               \
    "str     r6, [sp, #44]                 \n"

#define NEXT_PIXEL                                                                                           \
    "10:                                   \n"                                                               \
    "ldrd    r1, r2, [sp, #32]             \n"                                                               \
    "ldr.w   r3, [lr, #56]                 \n"                                                               \
    "subs    r2, #1                        \n"                                                               \
    "add.w   r1, r1, r3                       \n"                                                            \
    "strd    r1, r2, [sp, #32]             \n"                                                               \
    "bne     1b                            \n"                                                               \
    "11:                                   \n"                                                               \
    "add     sp, #48                       \n"                                                               \
    "pop     {r4-r11, pc}                  \n"

LP_NAKED static void multiply_pixels(const taps *all LP_UNUSED, int8_t *output LP_UNUSED) {
    /* clang-format off */
    __asm__ volatile(BEGIN
        "1:                                    \n" BEGIN_PIXEL
        "2:                                    \n" BEGIN_CHANNELS
        "3:                                    \n" MULTIPLY_ONE
        ".balign 4                             \n"
        "4:                                    \n" MULTIPLY_TWO
        "5:                                    \n" NEXT_RUN
        "6:                                    \n"
        "ldr.w   lr, [sp, #40]                 \n"
        "ldr     r1, [sp, #24]                 \n"
        "ldr.w   r0, [lr, #44]                 \n" OR_SUMS SCALE PUT_OUT NEXT_PIXEL);
    /* clang-format on */
}

#else

static int8_t output_of(const taps *all, int32_t channel, int32_t sum) {
    const lp_profile_channel *constants = all->channels + channel;
    return lp_dsp_output(constants, sum + constants->bias, 32, all->zero_point, (int8_t)all->minimum,
                         (int8_t)all->maximum);
}

static void multiply_pixels(const taps *all, int8_t *output) {
    for (int32_t pixel = 0; pixel < all->pixels; pixel++) {
        for (int32_t channel = 0; channel < all->depth; channel++) {
            const int8_t *input = all->input + pixel * all->pixel_step + channel;
            const int8_t *weights = all->weights + channel;
            int32_t sum = 0;
            for (int32_t run = 0; run < all->runs; run++) {
                for (int32_t i = 0; i < all->elements; i++) {
                    sum += (*input + (int16_t)all->zero_points) * *weights;
                    input += all->input_step;
                    weights += all->weights_step;
                }
                input += all->input_advance;
                weights += all->weights_advance;
            }
            if (all->sums) {
                all->sums[channel] = sum;
            } else {
                *output++ = output_of(all, channel, sum);
            }
        }
    }
}

#endif

/* The elements of a window that lie in the image, as runs. */
static void take_window(taps *all, const lp_conv2d_params *params, const int8_t *input, lp_span rows,
                        lp_span columns) {
    const int32_t depth = params->input_channels;
    const int32_t row = params->dilation_y * params->input_width * depth;
    const int32_t column = params->dilation_x * depth;
    const int32_t height = rows.end - rows.begin;
    const int32_t width = columns.end - columns.begin;
    const int32_t weights_row = params->kernel_width * depth;
    const int32_t is_tall = height > width;
    all->elements = is_tall ? height : width;
    all->runs = is_tall ? width : height;
    all->input_step = is_tall ? row : column;
    all->weights_step = is_tall ? weights_row : depth;
    all->input_advance = (is_tall ? column : row) - all->elements * all->input_step;
    all->weights_advance = (is_tall ? depth : weights_row) - all->elements * all->weights_step;
    all->input = input;
    all->weights = params->weights;
    if (all->runs > 0) {
        all->input += (rows.start * params->input_width + columns.start) * depth + rows.begin * row +
                      columns.begin * column;
        all->weights += rows.begin * weights_row + columns.begin * depth;
    }
}

/* How many pixels from one on, whose window lies at `columns`, have their whole windows in the image's width
 * as it does; else 1. */
static int32_t alike(const lp_conv2d_params *params, lp_span columns, int32_t left) {
    const int32_t kernel = params->kernel_width;
    if (columns.begin > 0 || columns.end < kernel) {
        return 1;
    }
    const int32_t beyond = params->input_width - 1 - columns.start - (kernel - 1) * params->dilation_x;
    return lp_minimum(beyond / params->stride_x + 1, left);
}

#if !LP_TFLM

/* Outputs where sums are shifted right by less than 32. */
static void put_out(taps *all, const lp_conv2d_params *params, int8_t *output) {
    const int32_t depth = params->output_channels;
    const lp_profile_channel *channels = lp_channels(params->channels);
    const int8_t *input = all->input;
    const int8_t *weights = all->weights;
    int32_t sums[4];
    all->sums = sums;
    all->depth = 4;
    for (int32_t pixels = all->pixels; pixels > 0; pixels--, input += all->pixel_step) {
        all->pixels = 1;
        for (int32_t i = 0; i < depth; i += 4) {
            const int32_t first = lp_minimum(i, depth - 4);
            all->input = input + first;
            all->weights = weights + first;
            multiply_pixels(all, output);
            for (int32_t k = i; k < lp_minimum(i + 4, depth); k++) {
                *output++ = lp_dsp_output(&channels[k], sums[k - first] + channels[k].bias, params->shift,
                                          params->output_zero_point, params->minimum, params->maximum);
            }
        }
    }
}

#endif

LP_INLINE void depthwise_conv2d_taps_dsp(const lp_conv2d_params *params, const int8_t *input,
                                         int8_t *output) {
    taps all;
    all.channels = lp_channels(params->channels);
    all.depth = params->input_channels;
    all.zero_points = (int32_t)((uint32_t)(-params->input_zero_point & 0xffff) * 0x10001u);
    all.zero_point = params->output_zero_point;
    all.minimum = (uint8_t)params->minimum * 0x01010101u;
    all.maximum = (uint8_t)params->maximum * 0x01010101u;
    all.pixel_step = params->stride_x * params->input_channels;
    all.sums = 0;
    for (int32_t y = 0; y < params->output_height; y++) {
        const lp_span rows = lp_inside(y * params->stride_y - params->padding_top, params->kernel_height,
                                       params->dilation_y, params->input_height);
        int32_t pixels;
        for (int32_t x = 0; x < params->output_width; x += pixels) {
            const lp_span columns = lp_inside(x * params->stride_x - params->padding_left,
                                              params->kernel_width, params->dilation_x, params->input_width);
            pixels = alike(params, columns, params->output_width - x);
            take_window(&all, params, input, rows, columns);
            all.pixels = pixels;
#if !LP_TFLM
            if (params->shift != 32) {
                put_out(&all, params, output);
                output += pixels * params->output_channels;
                continue;
            }
#endif
            multiply_pixels(&all, output);
            output += pixels * params->output_channels;
        }
    }
}

#endif
