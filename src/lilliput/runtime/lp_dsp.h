/* What the kernels for cores with packed 16-bit arithmetic (Armv7E-M and Armv8-M with the DSP extension)
 * share.
 *
 * Each of these kernels also has a portable path with the same layout of weights and the same results, so
 * that a network generated for such a core runs on any other.
 */
#ifndef LP_DSP_H
#define LP_DSP_H

#include "lp_internal.h"

/* Output pixels that are computed side by side. */
#define LP_BLOCK_PIXELS 4

/* Inputs are expanded to int16, in pairs.  From one pair of a pixel to its next, and from pixel to pixel, in
 * elements: the assembly reads a pair of each of its four pixels in one go, compilers like the elements of a
 * pixel to be neighbours. */
#if LP_DSP
#define LP_PAIR_STEP (2 * LP_BLOCK_PIXELS)
#define LP_PIXEL_STEP(elements) 2
#else
#define LP_PAIR_STEP 2
#define LP_PIXEL_STEP(elements) (((elements) + 1) / 2 * 2)
#endif

/* Four output pixels times all output channels.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const lp_channel *channels;
    const int16_t *inputs;
    int32_t pairs;             /* elements / 2 */
    int32_t odd;               /* elements % 2 */
    int32_t channel_pairs;     /* output channels / 2 */
    int32_t offsets[3];        /* of the outputs of pixels 1, 2, 3 */
    int32_t zero_point;        /* of the output */
    uint32_t minimum, maximum; /* four times */
    int32_t doublings;         /* 32 - shift */
    int32_t odd_channel;       /* output channels % 2 */
} lp_block;

/* Fills a block for a convolution with `elements` inputs for each output. */
LP_INLINE void lp_block_begin(lp_block *block, const lp_conv2d_params *params, const int16_t *inputs,
                              int32_t elements) {
    block->weights = params->weights;
    block->channels = params->channels;
    block->inputs = inputs;
    block->pairs = elements / 2;
    block->odd = elements % 2;
    block->channel_pairs = params->output_channels / 2;
    block->odd_channel = params->output_channels % 2;
    block->zero_point = params->output_zero_point;
    block->minimum = (uint8_t)params->minimum * 0x01010101u;
    block->maximum = (uint8_t)params->maximum * 0x01010101u;
    block->doublings = 32 - params->shift;
}

/* `count` pixels, 1 to 4; the last of them stands for those that are missing, and its outputs are written
 * again. */
LP_INLINE void lp_block_pixels(lp_block *block, int32_t count, int32_t output_channels) {
    for (int32_t i = 0; i < LP_BLOCK_PIXELS - 1; i++) {
        block->offsets[i] = lp_minimum(i + 1, count - 1) * output_channels;
    }
}

/* All output channels of four pixels. */
void lp_multiply_block(const lp_block *block, int8_t *output);

#if LP_DSP

typedef struct {
    uint32_t value;
} __attribute__((packed, may_alias)) lp_unaligned_word;

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
    __asm__("sxtab16 %0, %0, %1" : "+r"(pair) : "r"(bytes));
    return pair;
}

/* Bytes 1 and 3 as int16, added to a pair. */
LP_INLINE int32_t lp_add_odd_bytes(int32_t pair, uint32_t bytes) {
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(pair) : "r"(bytes));
    return pair;
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
