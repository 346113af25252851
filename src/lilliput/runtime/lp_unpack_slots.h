/* Words of weights; LP_SLOTS is how many slots a word has. */
#ifndef LP_UNPACK_SLOTS_H
#define LP_UNPACK_SLOTS_H

#include "lp_slots.h"

/* Weights from bit `bit` on: 25 of their bits. */
LP_INLINE uint32_t bits_from(const uint8_t *weights, uint32_t bit) {
#if LP_DSP
    return lp_load_4((const int8_t *)weights + (bit >> 3)) >> (bit & 7);
#else
    const uint8_t *from = weights + (bit >> 3);
    return ((uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24) >>
           (bit & 7);
#endif
}

/* Each field at the lower end of a slot; what lies in between is not masked yet.  Fields are so narrow that
 * of those which are moved with one, none comes to the place of another. */
LP_INLINE uint32_t spread(uint32_t fields, int32_t bits) {
    const int32_t apart = LP_SLOT_BITS(LP_SLOTS) - bits;
    uint32_t word = fields | fields << apart;
#if LP_SLOTS > 2
    word |= fields << (2 * apart);
#endif
#if LP_SLOTS > 3
    word |= fields << (3 * apart);
#endif
    return word;
}

/* `count` words of `taps` weights each from bit `bit` on, `together` of them taken from 25 bits. */
LP_INLINE void words_from(const uint8_t *weights, uint32_t bit, int32_t bits, int32_t taps, int32_t together,
                          int32_t count, int32_t step, int32_t *to) {
    const int32_t width = bits * taps;
    const uint32_t fields = (1u << width) - 1;
    uint32_t mask = 0;
    for (int32_t i = 0; i < LP_SLOTS; i++) {
        mask = mask << LP_SLOT_BITS(LP_SLOTS) | ((1u << bits) - 1);
    }
    /* 2**(bits - 1) in each slot that has a weight. */
    const uint32_t added = spread(fields, bits) & mask & (mask ^ mask >> 1);
    uint32_t held;
    for (; count >= together; count -= together, bit += (uint32_t)(width * together)) {
        held = bits_from(weights, bit);
        *to = (int32_t)((spread(held & fields, bits) & mask) - added);
        to += step;
        if (together > 1) {
            held >>= width;
            *to = (int32_t)((spread(held & fields, bits) & mask) - added);
            to += step;
        }
        if (together > 2) {
            held >>= width;
            *to = (int32_t)((spread(held & fields, bits) & mask) - added);
            to += step;
        }
    }
    for (; count > 0; count--, bit += (uint32_t)width, to += step) {
        held = bits_from(weights, bit);
        *to = (int32_t)((spread(held & fields, bits) & mask) - added);
    }
}

LP_INLINE void unpack(const lp_slots_params *params, int32_t channel, int32_t *to) {
    const int32_t bits = params->weight_bits;
    const int32_t width = params->conv.kernel_width;
    const int32_t count = (int32_t)params->conv.kernel_height * params->conv.input_channels;
    const int32_t words = (width + LP_SLOTS - 1) / LP_SLOTS;
    uint32_t bit = (uint32_t)(channel * count * width * bits);
    for (int32_t i = 0; i < words; i++) {
        const int32_t place = params->lines_are_columns ? words - 1 - i : i;
        const int32_t step = params->lines_are_columns ? 1 : words;
        const int32_t taps = lp_minimum(width - place * LP_SLOTS, LP_SLOTS);
        int32_t *const at = params->lines_are_columns ? to + i * count : to + i;
        if (bits == 2) {
            words_from(params->weights, bit, 2, taps, 3, count, step, at);
        } else if (bits == 4) {
            words_from(params->weights, bit, 4, taps, 2, count, step, at);
        } else {
            words_from(params->weights, bit, bits, taps, 1, count, step, at);
        }
        bit += (uint32_t)(count * taps * bits);
    }
}

#endif
