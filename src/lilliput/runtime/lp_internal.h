/* What the kernels share.  Not for users of generated code. */
#ifndef LP_INTERNAL_H
#define LP_INTERNAL_H

#include "lp.h"

#if defined(__GNUC__) || defined(__clang__)
#define LP_INLINE static inline __attribute__((always_inline, unused))
#define LP_UNUSED __attribute__((unused))
#define LP_SMALL __attribute__((cold)) /* little code, whatever the compiler's options */
/* Makes a pointer opaque, so that no compiler turns the loop around it into a call of memcpy or memset. */
#define LP_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define LP_INLINE static inline
#define LP_UNUSED
#define LP_SMALL
#define LP_OPAQUE(pointer) ((void)0)
#endif

/* Whether the core has packed 16-bit arithmetic, and the compiler its assembly. */
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define LP_DSP 1
#define LP_NAKED __attribute__((naked, noinline))
#else
#define LP_DSP 0
#endif

/* Whether the core multiplies 32 by 32 bits to 64; Armv6-M and the baseline of Armv8-M do not. */
#ifndef LP_LONG_MULTIPLY
#if defined(__thumb__) && !defined(__thumb2__)
#define LP_LONG_MULTIPLY 0
#else
#define LP_LONG_MULTIPLY 1
#endif
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

#if !LP_LONG_MULTIPLY

/* high * 2**32 + middle * 2**16 + low; middle is below 2**31, low below 2**16. */
typedef struct {
    int32_t high;
    uint32_t middle, low;
} lp_product;

/* a * b from products of 16 bits; b must not be negative. */
LP_INLINE lp_product lp_multiply(int32_t a, int32_t b) {
    const int32_t a_high = a >> 16;
    const int32_t b_high = b >> 16;
    const uint32_t a_low = (uint32_t)a & 0xffffu;
    const uint32_t b_low = (uint32_t)b & 0xffffu;
    const uint32_t low = a_low * b_low;
    const int32_t cross = a_high * (int32_t)b_low + (int32_t)(low >> 16);
    lp_product product;
    product.high = a_high * b_high + (cross >> 16);
    product.middle = a_low * (uint32_t)b_high + ((uint32_t)cross & 0xffffu);
    product.low = low & 0xffffu;
    return product;
}

#endif

/* a * b; b must not be negative. */
LP_INLINE int64_t lp_multiply_long(int32_t a, int32_t b) {
#if LP_LONG_MULTIPLY
    return (int64_t)a * b;
#else
    const lp_product product = lp_multiply(a, b);
    const uint64_t high = (uint64_t)(uint32_t)product.high << 32;
    return (int64_t)(high + ((uint64_t)product.middle << 16) + product.low);
#endif
}

/* a * b / 2**32 to nearest, halves up; b must not be negative. */
LP_INLINE int32_t lp_multiply_top(int32_t a, int32_t b) {
#if LP_LONG_MULTIPLY
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
#else
    const lp_product product = lp_multiply(a, b);
    return product.high + (int32_t)((product.middle + 0x8000u) >> 16);
#endif
}

/* a * b / 2**31 to nearest, halves up; b must not be negative. */
LP_INLINE int32_t lp_multiply_top_doubled(int32_t a, int32_t b) {
#if LP_LONG_MULTIPLY
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
#else
    const lp_product product = lp_multiply(a, b);
    return 2 * product.high + (int32_t)((product.middle + 0x4000u) >> 15);
#endif
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
#if !LP_LONG_MULTIPLY
    if (shift == 32) {
        const int32_t scaled = lp_multiply_top(sum, multiplier) + zero_point;
        return (int8_t)lp_minimum(lp_maximum(scaled, minimum), maximum);
    }
#endif
    const int64_t product = lp_multiply_long(sum, multiplier) + ((int64_t)1 << (shift - 1));
    const int64_t value = (product >> shift) + zero_point;
    return (int8_t)(value < minimum ? minimum : value > maximum ? maximum : value);
}

/* sum * multiplier * 2**(exponent - 31) as TensorFlow Lite Micro rounds it: the shift left first, then the
 * product to nearest, halves up, then the shift right to nearest, halves away from zero.  The multiplier must
 * not be negative. */
LP_INLINE int32_t lp_scale_tflm(int32_t sum, int32_t multiplier, int32_t exponent) {
    if (exponent > 0) {
        sum *= (int32_t)1 << exponent;
    }
    const int32_t product = lp_multiply_top_doubled(sum, multiplier);
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

/* zero_point + sum * multiplier / 2**32, rounded to nearest, halves up. */
LP_INLINE int32_t lp_scale_once(int32_t sum, int32_t multiplier, int32_t zero_point) {
#if LP_DSP
    int32_t value;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(value) : "r"(sum), "r"(multiplier), "r"(zero_point));
    return value;
#else
    return lp_multiply_top(sum, multiplier) + zero_point;
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
