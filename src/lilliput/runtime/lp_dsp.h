/* What the kernels for cores with packed 16-bit arithmetic (Armv7E-M and Armv8-M with the DSP extension)
 * share.
 *
 * Each of these kernels also has a portable path with the same layout of weights and the same results, so
 * that a network generated for such a core runs on any other.
 */
#ifndef LP_DSP_H
#define LP_DSP_H

#include "lp_internal.h"

/* Gives outputs side by side a range that is smaller than int8. */
void lp_limit_outputs(int8_t *output, int32_t count, int32_t minimum, int32_t maximum);

#if LP_DSP

typedef struct {
    uint32_t value;
} __attribute__((packed, may_alias)) lp_unaligned_word;

typedef struct {
    uint16_t value;
} __attribute__((packed, may_alias)) lp_unaligned_half;

typedef int32_t __attribute__((may_alias)) lp_pair;

LP_INLINE uint32_t lp_load_4(const int8_t *from) {
    return ((const lp_unaligned_word *)(const void *)from)->value;
}

LP_INLINE void lp_store_4(int8_t *to, uint32_t bytes) {
    ((lp_unaligned_word *)(void *)to)->value = bytes;
}

/* Bytes 0 and 2 as a pair. */
LP_INLINE int32_t lp_even_bytes(uint32_t bytes) {
    int32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 1 and 3 as a pair. */
LP_INLINE int32_t lp_odd_bytes(uint32_t bytes) {
    int32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 0 and 2 as a pair, not signed. */
LP_INLINE int32_t lp_even_fields(uint32_t bytes) {
    int32_t pair;
    __asm__("uxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 1 and 3 as a pair, not signed. */
LP_INLINE int32_t lp_odd_fields(uint32_t bytes) {
    int32_t pair;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 0 of a and b, then bytes 2. */
LP_INLINE uint32_t lp_zip_even_bytes(uint32_t a, uint32_t b) {
    __asm__("uxtb16 %0, %0\n\tuxtb16 %1, %1\n\torr %0, %0, %1, lsl #8" : "+r"(a), "+r"(b));
    return a;
}

/* Bytes 1 of a and b, then bytes 3. */
LP_INLINE uint32_t lp_zip_odd_bytes(uint32_t a, uint32_t b) {
    __asm__("uxtb16 %0, %0, ror #8\n\tuxtb16 %1, %1, ror #8\n\torr %0, %0, %1, lsl #8" : "+r"(a), "+r"(b));
    return a;
}

/* The low halves of a and b. */
LP_INLINE uint32_t lp_low_halves(uint32_t a, uint32_t b) {
    __asm__("pkhbt %0, %0, %1, lsl #16" : "+r"(a) : "r"(b));
    return a;
}

/* The high halves of a and b. */
LP_INLINE uint32_t lp_high_halves(uint32_t a, uint32_t b) {
    __asm__("pkhtb %0, %1, %0, asr #16" : "+r"(a) : "r"(b));
    return a;
}

/* The larger, byte by byte, as int8. */
LP_INLINE uint32_t lp_larger_4(uint32_t a, uint32_t b) {
    uint32_t larger;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(larger) : "r"(a), "r"(b));
    return larger;
}

/* The smaller, byte by byte, as int8. */
LP_INLINE uint32_t lp_smaller_4(uint32_t a, uint32_t b) {
    uint32_t smaller;
    __asm__("ssub8 %0, %2, %1\n\tsel %0, %1, %2" : "=&r"(smaller) : "r"(a), "r"(b));
    return smaller;
}

/* Cut to int8. */
LP_INLINE int32_t lp_saturate_8(int32_t value) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
}

/* The low bytes of four values. */
LP_INLINE uint32_t lp_pack_4(int32_t a, int32_t b, int32_t c, int32_t d) {
    __asm__("bfi %0, %1, #8, #8" : "+r"(a) : "r"(b));
    __asm__("bfi %0, %1, #8, #8" : "+r"(c) : "r"(d));
    __asm__("pkhbt %0, %0, %1, lsl #16" : "+r"(a) : "r"(c));
    return (uint32_t)a;
}

/* Bytes 0 and 2 as int16, added to a pair. */
LP_INLINE int32_t lp_add_even_bytes(int32_t pair, uint32_t bytes) {
    int32_t sums;
    __asm__("sxtab16 %0, %1, %2" : "=r"(sums) : "r"(pair), "r"(bytes));
    return sums;
}

/* Bytes 1 and 3 as int16, added to a pair. */
LP_INLINE int32_t lp_add_odd_bytes(int32_t pair, uint32_t bytes) {
    int32_t sums;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(sums) : "r"(pair), "r"(bytes));
    return sums;
}

/* sum + a.low * b.low */
LP_INLINE int32_t lp_multiply_low_low(int32_t a, int32_t b, int32_t sum) {
    __asm__("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* sum + a.high * b.low */
LP_INLINE int32_t lp_multiply_high_low(int32_t a, int32_t b, int32_t sum) {
    __asm__("smlatb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* sum + a.low * b.low + a.high * b.high */
LP_INLINE int32_t lp_multiply_pairs(int32_t a, int32_t b, int32_t sum) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* Four int8 as two pairs: elements 0 and 2, then 1 and 3. */
LP_INLINE void lp_expand_4(const int8_t *from, int16_t *to, int32_t pair_step) {
    const uint32_t bytes = lp_load_4(from);
    *(lp_pair *)(void *)to = lp_even_bytes(bytes);
    *(lp_pair *)(void *)(to + pair_step) = lp_odd_bytes(bytes);
}

#else

LP_INLINE void lp_expand_4(const int8_t *from, int16_t *to, int32_t pair_step) {
    to[0] = from[0];
    to[1] = from[2];
    to[pair_step] = from[1];
    to[pair_step + 1] = from[3];
}

#endif

#endif
