/* What the kernels for cores with Helium, Arm's vectors of 128 bits (MVE), share.
 *
 * Each of these kernels also has a portable path with the same layout of weights and the same results, so
 * that a network generated for such a core runs on any other.
 */
#ifndef LP_MVE_H
#define LP_MVE_H

#include "lp_profile.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
#if __ARM_FEATURE_MVE & 1
#define LP_MVE 1
#endif
#endif
#ifndef LP_MVE
#define LP_MVE 0
#endif

/* Output channels that are computed side by side. */
#define LP_MVE_CHANNELS 4

#if LP_MVE

#include <arm_mve.h>

/* How sums become int8, for all channels. */
typedef struct {
    int32_t zero_point;
    int32x4_t minimum, maximum;
} lp_mve_range;

LP_INLINE void lp_mve_range_begin(lp_mve_range *range, int32_t zero_point, int32_t minimum, int32_t maximum) {
    range->zero_point = zero_point;
    range->minimum = vdupq_n_s32(minimum);
    range->maximum = vdupq_n_s32(maximum);
}

/* Values from sums with their biases: `multiplier` and `scale` as in the channels; in the profile `lilliput`
 * the shift is 32. */
LP_INLINE int32x4_t lp_mve_requantize(int32x4_t sums, int32x4_t multiplier, int32x4_t scale,
                                      const lp_mve_range *range) {
#if LP_TFLM
    const int32x4_t none = vdupq_n_s32(0);
    const int32x4_t right = vminq_s32(scale, none); /* negative */
    const int32x4_t product = vqrdmulhq_s32(vshlq_s32(sums, vmaxq_s32(scale, none)), multiplier);
    /* Halves away from zero: one less where a negative number is shifted. */
    const int32x4_t less = vshrq_n_s32(vandq_s32(product, right), 31);
    const int32x4_t scaled = vrshlq_s32(vaddq_s32(product, less), right);
#else
    const int32x4_t scaled = vrmulhq_s32(sums, multiplier);
    (void)scale;
#endif
    const int32x4_t value = vaddq_n_s32(scaled, range->zero_point);
    return vminq_s32(vmaxq_s32(value, range->minimum), range->maximum);
}

/* Adds to four sums the products of `count` inputs with four rows of weights `step` apart; `count` is not 0.
 */
LP_INLINE void lp_mve_dot_4(const int8_t *weights, int32_t step, const int8_t *input, int32_t count,
                            int32_t *sum_0, int32_t *sum_1, int32_t *sum_2, int32_t *sum_3) {
    const int8_t *row_0 = weights;
    const int8_t *row_1 = row_0 + step;
    const int8_t *row_2 = row_1 + step;
    const int8_t *row_3 = row_2 + step;
    __asm__ volatile("dlstp.8        lr, %[count]            \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[input]], #16     \n"
                     "vldrb.u8       q1, [%[row_0]], #16     \n"
                     "vldrb.u8       q2, [%[row_1]], #16     \n"
                     "vmladava.s8    %[sum_0], q0, q1        \n"
                     "vldrb.u8       q1, [%[row_2]], #16     \n"
                     "vmladava.s8    %[sum_1], q0, q2        \n"
                     "vldrb.u8       q2, [%[row_3]], #16     \n"
                     "vmladava.s8    %[sum_2], q0, q1        \n"
                     "vmladava.s8    %[sum_3], q0, q2        \n"
                     "letp           lr, 1b                  \n"
                     : [sum_0] "+Te"(*sum_0), [sum_1] "+Te"(*sum_1), [sum_2] "+Te"(*sum_2),
                       [sum_3] "+Te"(*sum_3), [input] "+r"(input), [row_0] "+r"(row_0), [row_1] "+r"(row_1),
                       [row_2] "+r"(row_2), [row_3] "+r"(row_3)
                     : [count] "r"(count)
                     : "lr", "q0", "q1", "q2", "memory");
}

LP_INLINE void lp_mve_copy(const int8_t *from, int8_t *to, int32_t count) {
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[from]], #16      \n"
                     "vstrb.8        q0, [%[to]], #16        \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [from] "+r"(from), [to] "+r"(to)
                     : [count] "r"(count)
                     : "lr", "q0", "memory");
}

LP_INLINE void lp_mve_fill(int8_t *to, int32_t value, int32_t count) {
    const int8x16_t values = vdupq_n_s8((int8_t)value);
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vstrb.8        %q[values], [%[to]], #16 \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [to] "+r"(to)
                     : [count] "r"(count), [values] "w"(values)
                     : "lr", "memory");
}

/* `count` outputs get the range, if it is smaller than int8. */
LP_INLINE void lp_mve_limit(int8_t *output, int32_t count, int32_t minimum, int32_t maximum) {
    if (minimum == -128 && maximum == 127) {
        return;
    }
    const int8x16_t least = vdupq_n_s8((int8_t)minimum);
    const int8x16_t largest = vdupq_n_s8((int8_t)maximum);
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[output]]         \n"
                     "vmax.s8        q0, q0, %q[least]       \n"
                     "vmin.s8        q0, q0, %q[largest]     \n"
                     "vstrb.8        q0, [%[output]], #16    \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [output] "+r"(output)
                     : [count] "r"(count), [least] "w"(least), [largest] "w"(largest)
                     : "lr", "q0", "memory");
}

#else

LP_INLINE void lp_mve_copy(const int8_t *from, int8_t *to, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t *place = to + i;
        LP_OPAQUE(place);
        *place = from[i];
    }
}

LP_INLINE void lp_mve_fill(int8_t *to, int32_t value, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t *place = to + i;
        LP_OPAQUE(place);
        *place = (int8_t)value;
    }
}

#endif

/* Inputs of so many output pixels meet the weights at once. */
#define LP_MVE_PIXELS 4

/* What a matrix of weights, one row for each output channel, is multiplied by, and how sums become int8. */
typedef struct {
    const int8_t *weights;
    const lp_profile_channel *channels;
    int32_t outputs; /* rows of weights, and from pixel to pixel of the output */
    int32_t count;   /* weights of a row, and from pixel to pixel of the inputs; not 0 */
    int32_t shift, zero_point, minimum, maximum;
} lp_mve_matrix;

/* All outputs of `pixels` pixels. */
LP_INLINE void lp_mve_multiply(const lp_mve_matrix *matrix, const int8_t *input, int32_t pixels,
                               int8_t *output) {
    const int32_t count = matrix->count;
    const int32_t outputs = matrix->outputs;
    const int8_t *weights = matrix->weights;
    const lp_profile_channel *channel = matrix->channels;
    int32_t left = outputs;
#if LP_MVE
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), sizeof *channel);
    lp_mve_range range;
    lp_mve_range_begin(&range, matrix->zero_point, matrix->minimum, matrix->maximum);
    for (; left >= LP_MVE_CHANNELS && LP_PROFILE(matrix->shift == 32, 1); left -= LP_MVE_CHANNELS) {
        const int32x4_t biases = vldrwq_gather_offset_s32(&channel->bias, offsets);
        const int32x4_t multiplier = vldrwq_gather_offset_s32(&channel->multiplier, offsets);
        const int32x4_t scale = LP_PROFILE(multiplier, vldrwq_gather_offset_s32(&channel->scale, offsets));
        const int8_t *pixel = input;
        int8_t *to = output;
        for (int32_t i = 0; i < pixels; i++, pixel += count, to += outputs) {
            int32_t sum_0 = 0;
            int32_t sum_1 = 0;
            int32_t sum_2 = 0;
            int32_t sum_3 = 0;
            lp_mve_dot_4(weights, count, pixel, count, &sum_0, &sum_1, &sum_2, &sum_3);
            const int32x4_t sums = {sum_0, sum_1, sum_2, sum_3};
            vstrbq_s32(to, lp_mve_requantize(vaddq_s32(sums, biases), multiplier, scale, &range));
        }
        channel += LP_MVE_CHANNELS;
        weights += LP_MVE_CHANNELS * count;
        output += LP_MVE_CHANNELS;
    }
#endif
    for (; left > 0; left--, channel++, weights += count, output++) {
        for (int32_t i = 0; i < pixels; i++) {
            int32_t sum = channel->bias;
#if LP_MVE
            int32_t sum_1 = 0;
            int32_t sum_2 = 0;
            int32_t sum_3 = 0;
            lp_mve_dot_4(weights, 0, input + i * count, count, &sum, &sum_1, &sum_2, &sum_3);
#else
            sum += lp_dot_s8(weights, input + i * count, count);
#endif
            output[i * outputs] =
                lp_output(channel, sum, matrix->shift, matrix->zero_point, matrix->minimum, matrix->maximum);
        }
    }
}

#endif
