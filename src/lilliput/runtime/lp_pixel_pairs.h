/* What kernels share that hold two output pixels in one word.
 *
 * On cores whose only fast multiply is 32 x 32 -> 32 bits, a word with one pixel's input in its lower half
 * and another's in its upper half, multiplied by a weight, is two products.  Weights are
 * -127 to 127, so that the sum of two products fits in 16 bits.
 */
#ifndef LP_PIXEL_PAIRS_H
#define LP_PIXEL_PAIRS_H

#include "lp_profile.h"

/* Armv6-M and the baseline of Armv8-M, whose few registers no compiler uses well. */
#if defined(__thumb__) && !defined(__thumb2__) && defined(__GNUC__)
#define LP_THUMB_1 1
#define LP_THUMB_1_NAKED __attribute__((naked, noinline))
#define LP_THUMB_1_UNUSED __attribute__((unused))
#else
#define LP_THUMB_1 0
#endif

/* The inputs of two pixels as a word. */
LP_INLINE int32_t lp_pixel_pair(int32_t first, int32_t second) {
    return first + second * 65536;
}

/* How the sums of one output channel become int8.  The assembly knows the place of every field. */
typedef struct {
    int32_t bias, multiplier;
    int32_t shift; /* right; in the profile `tflm` that behind the product by 2**-31 */
    int32_t zero_point, minimum, maximum;
    int32_t step; /* from output to output */
} lp_pairs_scale;

/* Outputs from `count` sums; `shift` is 32, in the profile `tflm` 1 to 31. */
void lp_requantize_pairs(const lp_pairs_scale *scale, const int32_t *sums, int32_t count, int8_t *output);

/* The same in the profile `tflm`. */
void lp_requantize_pairs_tflm(const lp_pairs_scale *scale, const int32_t *sums, int32_t count,
                              int8_t *output);

/* What is the same for all output channels; `step` is from output to output. */
LP_INLINE void lp_pairs_scale_begin(lp_pairs_scale *scale, const lp_conv2d_params *params, int32_t step) {
    scale->zero_point = params->output_zero_point;
    scale->minimum = params->minimum;
    scale->maximum = params->maximum;
    scale->step = step;
}

/* Outputs from `count` sums of one channel. */
LP_INLINE void lp_pairs_output(lp_pairs_scale *scale, const lp_profile_channel *channel, int32_t shift,
                               const int32_t *sums, int32_t count, int8_t *output) {
    const int32_t fits = LP_PROFILE(shift == 32, channel->scale < 0);
    if (fits) {
        scale->bias = channel->bias;
        scale->multiplier = channel->multiplier;
        scale->shift = LP_PROFILE(shift, -channel->scale);
        LP_PROFILE(lp_requantize_pairs, lp_requantize_pairs_tflm)(scale, sums, count, output);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        *output = lp_output(channel, channel->bias + sums[i], shift, scale->zero_point, scale->minimum,
                            scale->maximum);
        output += scale->step;
    }
}

#endif
