/* Words of inputs; LP_SLOTS is how many slots a word has, LP_TAPS how many one of weights. */
#ifndef LP_TAKE_SLOTS_H
#define LP_TAKE_SLOTS_H

#include "lp_slots.h"

LP_INLINE int32_t word_of(const int8_t *from, int32_t depth) {
    const int32_t factor = 1 << LP_SLOT_BITS(LP_SLOTS, LP_TAPS);
    int32_t word = from[depth];
#if LP_SLOTS > 2
    int32_t high = from[2 * depth];
#if LP_SLOTS > 3
    high += from[3 * depth] * factor;
#endif
    word += high * factor;
#endif
    return from[0] + word * factor;
}

LP_INLINE void take(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                    int32_t channel_step) {
    for (int32_t left = depth; left > 0; left--, from++, to += channel_step) {
        const int8_t *pixel = from;
        int32_t *at = to;
        for (int32_t words = across; words > 0; words--, pixel += LP_SLOTS * depth, at += word_step) {
            *at = word_of(pixel, depth);
        }
    }
}

#endif
