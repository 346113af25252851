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

#endif
