/* What a kernel does differently in each numeric profile.
 *
 * A kernel that makes int8 of sums stands in a header.  Two C files compile it, one with LP_TFLM 0 for the
 * profile `lilliput`, which rounds once, and one with LP_TFLM 1 for `tflm`, which rounds as TensorFlow Lite
 * Micro: the doubled product's top word to nearest, halves up; that shifted right to nearest, halves away
 * from zero.
 */
#ifndef LP_PROFILE_H
#define LP_PROFILE_H

#include "lp_internal.h"

#if LP_TFLM
#define LP_PROFILE(lilliput, tflm) tflm
#else
#define LP_PROFILE(lilliput, tflm) lilliput
#endif

/* Where no output is less than the zero point, `tflm` needs to round but once (docs/kernels.md). */
#ifndef LP_RELU
#define LP_RELU 0
#endif

/* The name of what kernels call, in their variant. */
#if LP_RELU
#define LP_PART(name) name##_relu_tflm
#elif LP_TFLM
#define LP_PART(name) name##_tflm
#else
#define LP_PART(name) name
#endif

typedef LP_PROFILE(lp_channel, lp_tflm_channel) lp_profile_channel;

LP_INLINE const lp_profile_channel *lp_channels(const void *channels) {
    return (const lp_profile_channel *)channels;
}

/* The output of a portable kernel from a sum with its bias; only `lilliput` has a shift for all channels. */
LP_INLINE int8_t lp_output(const lp_profile_channel *channel, int32_t sum, int32_t shift, int32_t zero_point,
                           int32_t minimum, int32_t maximum) {
#if LP_TFLM
    const int32_t value = lp_scale_tflm(sum, channel->multiplier, channel->scale) + zero_point;
    (void)shift;
    return (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
#else
    return lp_requantize(sum, channel->multiplier, shift, zero_point, minimum, maximum);
#endif
}

/* The same for kernels that read constants as cores with packed 16-bit arithmetic like them. */
LP_INLINE int8_t lp_dsp_output(const lp_profile_channel *channel, int32_t sum, int32_t shift,
                               int32_t zero_point, int32_t minimum, int32_t maximum) {
#if LP_TFLM
    const int32_t value = lp_scale_twice_tflm(sum, channel->multiplier, channel->scale, zero_point);
    (void)shift;
    return (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
#else
    return lp_requantize(sum, channel->multiplier, shift, zero_point, minimum, maximum);
#endif
}

#if LP_RELU

/* The same from 256 times a sum with its bias, for functions with `relu` in their name. */
LP_INLINE int8_t lp_rectified_output(const lp_profile_channel *channel, int32_t sum, int32_t zero_point,
                                     int32_t minimum, int32_t maximum) {
    const int32_t top = (int32_t)(((int64_t)sum * channel->multiplier) >> 32) + 64;
    const int64_t half = (int64_t)1 << 31;
    const int32_t value = (int32_t)(((int64_t)top * channel->scale + half) >> 32) + zero_point;
    return (int8_t)lp_minimum(lp_maximum(value, minimum), maximum);
}

#endif

#endif
