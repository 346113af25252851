/* Convolution on cores with Helium: four channels of two pixels at a time.
 *
 * The windows of some pixels are copied to scratch memory, each filled to sixteens; then they meet the
 * weights, four channels after four.  Weights lie in blocks of sixteen of four channels, filled with zeros,
 * which also meet what is behind a window.
 */
#ifndef LP_CONV2D_MVE_H
#define LP_CONV2D_MVE_H

#include "lp_mve_pairs.h"
#include "lp_mve_window.h"

/* Windows are held for 4 to 16 pixels, in about so much scratch memory, or twice as much if they come from
 * lines: the Python code knows these numbers. */
#define WINDOWS_BYTES 512
#define LEAST_PIXELS 4
#define MOST_PIXELS 16

/* Weights of a channel that lie side by side. */
#define LANES 16

#if LP_MVE

#define LANES_OF_ALL 0xffff
#define LANES_OF_FIRST 0x3333

/* What is multiplied.  The assembly knows the place of every field. */
typedef struct {
    int32_t zero_point;
    const int8_t *weights;
    int32_t advance; /* of the output, for two pixels */
    const int8_t *windows_end;
    const lp_profile_channel *channels;
    const int8_t *windows;
    int8_t *output;
    int32_t window_bytes;
    const int8_t *weights_end;
    uint32_t active; /* bits of the lanes that are put out */
    uint32_t channel_offsets[4];
    uint16_t output_offsets[8];
} block;

#define CHECK_BLOCK(field, offset)                                                                           \
    typedef char field##_lies_at_##offset[__builtin_offsetof(block, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_BLOCK(zero_point, 0);
CHECK_BLOCK(weights, 4);
CHECK_BLOCK(advance, 8);
CHECK_BLOCK(windows_end, 12);
CHECK_BLOCK(channels, 16);
CHECK_BLOCK(windows, 20);
CHECK_BLOCK(output, 24);
CHECK_BLOCK(window_bytes, 28);
CHECK_BLOCK(weights_end, 32);
CHECK_BLOCK(active, 36);
CHECK_BLOCK(channel_offsets, 40);
CHECK_BLOCK(output_offsets, 56);

/* Sixteen inputs of two pixels, at r3 and r5, times their weights for four channels, at r1.  Sums are in the
 * even registers, as the instruction wants: pixel by pixel, then channel by channel. */
#define SIXTEEN(multiply)                                                                                    \
    "vldrb.u8    q0, [r3], #16               \n"                                                             \
    "vldrb.u8    q1, [r5], #16               \n"                                                             \
    "vldrb.u8    q2, [r1], #16               \n"                                                             \
    "vldrb.u8    q3, [r1], #16               \n" multiply " r0, q0, q2 \n" multiply " r2, q1, q2 \n"         \
    "vldrb.u8    q2, [r1], #16               \n" multiply " r4, q0, q3 \n" multiply " r6, q1, q3 \n"         \
    "vldrb.u8    q3, [r1], #16               \n" multiply " r8, q0, q2 \n" multiply                          \
    " r10, q1, q2 \n" multiply " r12, q0, q3 \n" multiply " lr, q1, q3 \n"

/* Sums in q0 and q1 become values; biases are in q4, multipliers in q5, scales in q6. */
#if LP_TFLM
#define LOAD_SCALES                                                                                          \
    "adds        r0, #4                      \n"                                                             \
    "vldrw.u32   q6, [r0, q7]                \n"
#define TO_NEXT_CHANNELS "40" /* from the scale of the first */
#define SCALE                                                                                                \
    "vqrdmulh.s32 q0, q0, q5                 \n"                                                             \
    "vqrdmulh.s32 q1, q1, q5                 \n"
#define SHIFT                                                                                                \
    "vrshl.s32   q0, q0, q6                  \n"                                                             \
    "vrshl.s32   q1, q1, q6                  \n"
/* Halves away from zero: one less where a negative number is shifted. */
#define LESSEN                                                                                               \
    "vshr.s32    q2, q0, #31                 \n"                                                             \
    "vshr.s32    q3, q1, #31                 \n"                                                             \
    "vadd.i32    q0, q0, q2                  \n"                                                             \
    "vadd.i32    q1, q1, q3                  \n"
#else
#define LOAD_SCALES ""
#define TO_NEXT_CHANNELS "28" /* from the multiplier of the first */
#define SCALE                                                                                                \
    "vrmulh.s32  q0, q0, q5                  \n"                                                             \
    "vrmulh.s32  q1, q1, q5                  \n"
#define SHIFT ""
#define LESSEN ""
#endif

#define MULTIPLY(lessen)                                                                                     \
    "push        {r4-r11, lr}                \n"                                                             \
    "vpush       {d8-d15}                    \n"                                                             \
    "mov         r9, r0                      \n"                                                             \
    "ldr         r1, [r9, #36]               \n"                                                             \
    "vmsr        p0, r1                      \n"                                                             \
    "1:                                      \n" /* four channels */                                         \
    "ldr         r0, [r9, #16]               \n"                                                             \
    "vldrw.u32   q7, [r9, #40]               \n"                                                             \
    "vldrw.u32   q4, [r0, q7]                \n"                                                             \
    "adds        r0, #4                      \n"                                                             \
    "vldrw.u32   q5, [r0, q7]                \n" LOAD_SCALES "adds        r0, #" TO_NEXT_CHANNELS "   \n"    \
    "str         r0, [r9, #16]               \n"                                                             \
    "vldrw.u32   q7, [r9, #56]               \n"                                                             \
    "ldrd        r11, r6, [r9, #24]          \n"                                                             \
    "ldr         r3, [r9, #20]               \n"                                                             \
    "add.w       r0, r11, #4                 \n"                                                             \
    "str         r0, [r9, #24]               \n"                                                             \
    "ldr         r1, [r9, #4]                \n"                                                             \
    "adds        r7, r3, r6                  \n"                                                             \
    "mov         r5, r7                      \n"                                                             \
    "2:                                      \n" /* two pixels */                                            \
        SIXTEEN("vmladav.s8 ") "cmp         r3, r7                      \n"                                  \
                               "beq         4f                          \n"                                  \
                               "3:                                      \n" SIXTEEN(                         \
                                   "vmladava.s8") "cmp         r3, r7                      \n"               \
                                                  "bne         3b                          \n"               \
                                                  "4:                                      \n"               \
                                                  "vmov        q0[2], q0[0], r0, r8        \n"               \
                                                  "vmov        q0[3], q0[1], r4, r12       \n"               \
                                                  "vmov        q1[2], q1[0], r2, r10       \n"               \
                                                  "vmov        q1[3], q1[1], r6, lr        \n"               \
                                                  "ldm         r9, {r0, r1, r2, r4}        \n"               \
                                                  "vadd.i32    q0, q0, q4                  \n"               \
                                                  "vadd.i32    q1, q1, q4                  \n" SCALE         \
                                                      lessen SHIFT                                           \
                                                  "vqmovnb.s32 q0, q0                      \n"               \
                                                  "vqmovnt.s32 q0, q1                      \n"               \
                                                  "rsb         r7, r3, r5, lsl #1          \n"               \
                                                  "mov         r3, r5                      \n"               \
                                                  "vqadd.s16   q0, q0, r0                  \n"               \
                                                  "mov         r5, r7                      \n"               \
                                                  "cmp         r3, r4                      \n"               \
                                                  "vqmovnb.s16 q0, q0                      \n"               \
                                                  "vpst                                    \n"               \
                                                  "vstrbt.16   q0, [r11, q7]               \n"               \
                                                  "add         r11, r2                     \n"               \
                                                  "bne         2b                          \n"               \
                                                  "ldrd        r6, r0, [r9, #28]           \n"               \
                                                  "add         r1, r1, r6, lsl #2          \n"               \
                                                  "str         r1, [r9, #4]                \n"               \
                                                  "cmp         r1, r0                      \n"               \
                                                  "bne         1b                          \n"               \
                                                  "vpop        {d8-d15}                    \n"               \
                                                  "pop         {r4-r11, pc}                \n"

/* Fours of channels of pairs of pixels. */
LP_NAKED static void multiply(block *all LP_UNUSED) {
    __asm__ volatile(MULTIPLY(LESSEN));
}

#if LP_TFLM
/* The same where nobody sees how negative numbers are rounded. */
LP_NAKED static void multiply_rectified(block *all LP_UNUSED) {
    __asm__ volatile(MULTIPLY(""));
}
#else
#define multiply_rectified multiply
#endif

/* What is the same for all pixels. */
LP_INLINE void begin(block *all, const lp_conv2d_params *params, int32_t window_bytes) {
    const int32_t outputs = params->output_channels;
    all->zero_point = params->output_zero_point;
    all->advance = 2 * outputs;
    all->window_bytes = window_bytes;
    for (int32_t i = 0; i < LP_MVE_CHANNELS; i++) {
        all->channel_offsets[i] = (uint32_t)i * sizeof(lp_profile_channel);
        all->output_offsets[2 * i] = (uint16_t)i;
        all->output_offsets[2 * i + 1] = (uint16_t)(outputs + i);
    }
}

/* `count` channels from `first` on, a multiple of four. */
LP_INLINE void multiply_fours(const lp_conv2d_params *params, block *all, const lp_profile_channel *channels,
                              int32_t first, int32_t count) {
    all->weights = params->weights + first * all->window_bytes;
    all->weights_end = all->weights + count * all->window_bytes;
    all->channels = channels;
    if (params->minimum >= params->output_zero_point) {
        multiply_rectified(all);
    } else {
        multiply(all);
    }
}

/* All outputs of an even number of pixels; of the last one only where it is `active`. */
static LP_NOINLINE void multiply_pixels(const lp_conv2d_params *params, block *all, const int8_t *windows,
                                        int32_t pixels, uint32_t active, int8_t *output) {
    const int32_t outputs = params->output_channels;
    const int32_t whole = outputs / LP_MVE_CHANNELS * LP_MVE_CHANNELS;
    all->windows = windows;
    all->windows_end = windows + pixels * all->window_bytes;
    all->output = output;
    all->active = active;
    if (whole) {
        multiply_fours(params, all, lp_channels(params->channels), 0, whole);
    }
    if (whole < outputs) {
        lp_profile_channel last[LP_MVE_CHANNELS];
        for (int32_t i = 0; i < LP_MVE_CHANNELS; i++) {
            last[i] = lp_channels(params->channels)[lp_minimum(whole + i, outputs - 1)];
        }
        all->active = active & ((1u << (4 * (outputs - whole))) - 1);
        multiply_fours(params, all, last, whole, LP_MVE_CHANNELS);
    }
}

/* All outputs of the pixels whose windows are there. */
LP_INLINE void put_pixels(const lp_conv2d_params *params, block *all, const int8_t *windows, int32_t pixels,
                          int8_t *output) {
    const int32_t paired = pixels / 2 * 2;
    if (paired) {
        multiply_pixels(params, all, windows, paired, LANES_OF_ALL, output);
    }
    if (paired < pixels) {
        multiply_pixels(params, all, windows + paired * all->window_bytes, 2, LANES_OF_FIRST,
                        output + paired * params->output_channels);
    }
    lp_mve_limit(output, pixels * params->output_channels, params->minimum, params->maximum);
}

#else

typedef struct {
    int32_t window_bytes;
} block;

LP_INLINE void begin(block *all, const lp_conv2d_params *params, int32_t window_bytes) {
    all->window_bytes = window_bytes;
    (void)params;
}

LP_INLINE void put_pixels(const lp_conv2d_params *params, const block *all, const int8_t *windows,
                          int32_t pixels, int8_t *output) {
    const int32_t window_bytes = all->window_bytes;
    const int32_t outputs = params->output_channels;
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    for (int32_t i = 0; i < pixels * outputs; i++) {
        const int8_t *window = windows + i / outputs * window_bytes;
        const int32_t c = i % outputs;
        const int8_t *weights = params->weights + c / LP_MVE_CHANNELS * LP_MVE_CHANNELS * window_bytes +
                                c % LP_MVE_CHANNELS * LANES;
        const lp_profile_channel *channel = lp_channels(params->channels) + c;
        int32_t sum = channel->bias;
        for (int32_t k = 0; k < elements; k++) {
            sum += weights[k / LANES * LANES * LP_MVE_CHANNELS + k % LANES] * window[k];
        }
        output[i] = lp_output(channel, sum, params->shift, params->output_zero_point, params->minimum,
                              params->maximum);
    }
}

#endif

/* Windows of at most `LARGEST_SMALL_WINDOW` elements. */
static LP_NOINLINE void small_conv2d(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                     int8_t *windows, int32_t elements) {
    const int32_t window_bytes = small_window_bytes(elements);
    const int32_t most = SMALL_WINDOWS_BYTES / window_bytes;
    int32_t left = params->output_height * params->output_width;
    lp_mve_source source;
    small_windows small;
    begin_small(&small, params, window_bytes);
    lp_mve_begin_source(&source, params, input, windows + lp_minimum((left + 3) / 4 * 4, most) * window_bytes,
                        window_bytes);
    while (left > 0) {
        const int32_t count = lp_minimum(left, most);
        lp_mve_take_windows(&source, count, windows);
        put_small(&small, params, windows, count, output);
        output += count * params->output_channels;
        left -= count;
    }
}

/* All others. */
static LP_NOINLINE void large_conv2d(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                                     int8_t *windows, int32_t elements) {
    const int32_t window_bytes = (elements + LANES - 1) / LANES * LANES;
    const int32_t most_bytes = params->strip_lines ? 2 * WINDOWS_BYTES : WINDOWS_BYTES;
    const int32_t fitting = most_bytes / window_bytes / 2 * 2;
    const int32_t pixels = lp_minimum(lp_maximum(fitting, LEAST_PIXELS), MOST_PIXELS);
    lp_mve_source source;
    block all;
    begin(&all, params, window_bytes);
    lp_mve_begin_source(&source, params, input, windows + pixels * window_bytes, window_bytes);
    for (int32_t left = params->output_height * params->output_width; left > 0; left -= pixels) {
        const int32_t count = lp_minimum(left, pixels);
        lp_mve_take_windows(&source, count, windows);
        put_pixels(params, &all, windows, count, output);
        output += count * params->output_channels;
    }
}

LP_INLINE void conv2d_mve(const lp_conv2d_params *params, const int8_t *input, int8_t *output,
                          void *scratch) {
    const int32_t elements = (int32_t)params->kernel_height * params->kernel_width * params->input_channels;
    if (elements <= LARGEST_SMALL_WINDOW) {
        small_conv2d(params, input, output, (int8_t *)scratch, elements);
    } else {
        large_conv2d(params, input, output, (int8_t *)scratch, elements);
    }
}

#endif
