/* What the kernels share.  Not for users of generated code. */
#ifndef LP_INTERNAL_H
#define LP_INTERNAL_H

#include "lp.h"

#if defined(__GNUC__) || defined(__clang__)
#define LP_INLINE static inline __attribute__((always_inline, unused))
/* Makes a pointer opaque, so that no compiler turns the loop around it into a call of memcpy or memset. */
#define LP_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define LP_INLINE static inline
#define LP_OPAQUE(pointer) ((void)0)
#endif

/* Whether the core has packed 16-bit arithmetic, and the compiler its assembly. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define LP_DSP 1
#define LP_NAKED __attribute__((naked, noinline))
#define LP_UNUSED __attribute__((unused))
#else
#define LP_DSP 0
#endif

#ifdef __cplusplus
#define LP_RESTRICT
#else
#define LP_RESTRICT restrict
#endif

LP_INLINE int32_t lp_minimum(int32_t a, int32_t b) {
    return a < b ? a : b;
}

LP_INLINE int32_t lp_maximum(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* zero_point + sum * multiplier / 2**shift, rounded to nearest, halves up, then cut to [minimum, maximum].
 * The shift is 1 to 32.  A right shift of a negative number must be arithmetic, as in every compiler for
 * these cores. */
LP_INLINE int8_t lp_requantize(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero_point,
                               int32_t minimum, int32_t maximum) {
#if LP_DSP
    if (shift == 32) {
        int32_t scaled;
        __asm__("smmlar %0, %1, %2, %3" : "=r"(scaled) : "r"(sum), "r"(multiplier), "r"(zero_point));
        return (int8_t)lp_minimum(lp_maximum(scaled, minimum), maximum);
    }
#endif
    const int64_t product = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    const int64_t value = (product >> shift) + zero_point;
    return (int8_t)(value < minimum ? minimum : value > maximum ? maximum : value);
}

/* sum * multiplier * 2**(exponent - 31) as TensorFlow Lite Micro rounds it: the shift left first, then the
 * product to nearest, halves up, then the shift right to nearest, halves away from zero. */
LP_INLINE int32_t lp_scale_tflm(int32_t sum, int32_t multiplier, int32_t exponent) {
    if (exponent > 0) {
        sum *= (int32_t)1 << exponent;
    }
    const int32_t product = (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << 30)) >> 31);
    if (exponent >= 0) {
        return product;
    }
    return (((product - (product < 0)) >> (-exponent - 1)) + 1) >> 1;
}

/* zero_point + the same for an exponent of -31 to -1, from constants that need no shift:
 * `doubled` = 2 * multiplier - 2**32 and `fraction` = -2**(32 + exponent). */
LP_INLINE int32_t lp_scale_twice_tflm(int32_t sum, int32_t doubled, int32_t fraction, int32_t zero_point) {
#if LP_DSP
    int32_t value;
    __asm__("smmlar %0, %1, %2, %1\n\t"
            "add %0, %0, %0, asr #31\n\t"
            "smmlsr %0, %0, %3, %4"
            : "=&r"(value)
            : "r"(sum), "r"(doubled), "r"(fraction), "r"(zero_point));
    return value;
#else
    const int64_t half = (int64_t)1 << 31;
    const int32_t product = (int32_t)(((int64_t)sum * (2 * half + doubled) + half) >> 32);
    return (int32_t)((half - (int64_t)(product - (product < 0)) * fraction) >> 32) + zero_point;
#endif
}

/* Sum of products of `count` pairs. */
LP_INLINE int32_t lp_dot_s8(const int8_t *LP_RESTRICT a, const int8_t *LP_RESTRICT b, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += (int32_t)a[i] * b[i];
    }
    return sum;
}

LP_INLINE int32_t lp_sum_s8(const int8_t *values, int32_t count) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

/* The elements of a window that lie inside the image, along one side. */
typedef struct {
    int32_t begin, end; /* of the window's elements */
    int32_t start;      /* where element 0 of the window lies in the image; may be negative */
} lp_span;

LP_INLINE lp_span lp_inside(int32_t start, int32_t window, int32_t dilation, int32_t length) {
    lp_span span;
    span.start = start;
    span.begin = start < 0 ? (dilation - 1 - start) / dilation : 0;
    span.end = lp_minimum(window, (length - start + dilation - 1) / dilation);
    if (span.end < span.begin) {
        span.begin = span.end = 0;
    }
    return span;
}

#endif
