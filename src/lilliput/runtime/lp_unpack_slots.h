/* Words of weights; LP_TAPS is how many slots one has, LP_SLOTS how many one of inputs. */
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
    const int32_t apart = LP_SLOT_BITS(LP_SLOTS, LP_TAPS) - bits;
    uint32_t word = fields | fields << apart;
#if LP_TAPS > 2
    word |= fields << (2 * apart);
#endif
#if LP_TAPS > 3
    word |= fields << (3 * apart);
#endif
    return word;
}

/* `count` words of `taps` weights each from bit `bit` on, moved up by `shift`, `together` of them taken from
 * 25 bits. */
LP_INLINE void words_from(const uint8_t *weights, uint32_t bit, int32_t bits, int32_t taps, int32_t shift,
                          int32_t together, int32_t count, int32_t step, int32_t *to) {
    const int32_t width = bits * taps;
    const uint32_t fields = (1u << width) - 1;
    uint32_t mask = 0;
    for (int32_t i = 0; i < LP_TAPS; i++) {
        mask = mask << LP_SLOT_BITS(LP_SLOTS, LP_TAPS) | ((1u << bits) - 1);
    }
    /* 2**(bits - 1) in each slot that has a weight. */
    const uint32_t added = spread(fields, bits) & mask & (mask ^ mask >> 1);
    uint32_t held;
    for (; count >= together; count -= together, bit += (uint32_t)(width * together)) {
        held = bits_from(weights, bit);
        *to = (int32_t)(((spread(held & fields, bits) & mask) - added) << shift);
        to += step;
        if (together > 1) {
            held >>= width;
            *to = (int32_t)(((spread(held & fields, bits) & mask) - added) << shift);
            to += step;
        }
        if (together > 2) {
            held >>= width;
            *to = (int32_t)(((spread(held & fields, bits) & mask) - added) << shift);
            to += step;
        }
    }
    for (; count > 0; count--, bit += (uint32_t)width, to += step) {
        held = bits_from(weights, bit);
        *to = (int32_t)(((spread(held & fields, bits) & mask) - added) << shift);
    }
}

LP_INLINE void unpack(const lp_slots_params *params, int32_t channel, int32_t *to) {
    const int32_t bits = params->weight_bits;
    const int32_t width = params->conv.kernel_width;
    const int32_t count = (int32_t)params->conv.kernel_height * params->conv.input_channels;
    const int32_t words = LP_KERNEL_WORDS(width, LP_SLOTS, LP_TAPS);
    uint32_t bit = (uint32_t)(channel * count * width * bits);
    for (int32_t i = 0; i < words; i++) {
        const int32_t place = params->lines_are_columns ? words - 1 - i : i;
        const int32_t step = params->lines_are_columns ? 1 : words;
        const int32_t before = place == 0 ? 0 : LP_TAPS + (place - 1) * LP_SLOTS;
        const int32_t taps = lp_minimum(width - before, place == 0 ? LP_TAPS : LP_SLOTS);
        const int32_t shift = place == 0 ? 0 : (LP_TAPS - LP_SLOTS) * LP_SLOT_BITS(LP_SLOTS, LP_TAPS);
        int32_t *const at = params->lines_are_columns ? to + i * count : to + i;
        if (bits == 2) {
            words_from(params->weights, bit, 2, taps, shift, 3, count, step, at);
        } else if (bits == 4) {
            words_from(params->weights, bit, 4, taps, shift, 2, count, step, at);
        } else {
            words_from(params->weights, bit, bits, taps, shift, 1, count, step, at);
        }
        bit += (uint32_t)(count * taps * bits);
    }
}

#endif
