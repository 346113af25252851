/* Words of weights; LP_SLOTS is how many slots a word has. */
#ifndef LP_UNPACK_SLOTS_H
#define LP_UNPACK_SLOTS_H

#include "lp_slots.h"

typedef struct {
    const uint16_t *next;
    uint32_t held;
    int32_t left; /* bits that `held` has */
} lp_slot_bits;

/* The lowest `count` bits; the next 16 fit beside what is held. */
LP_INLINE void need(lp_slot_bits *from, int32_t count) {
    if (from->left < count) {
        from->held |= (uint32_t)*from->next++ << from->left;
        from->left += 16;
    }
}

/* 2**(bits - 1) in each of `taps` slots. */
static uint32_t added(int32_t bits, int32_t taps) {
    uint32_t word = 0;
    for (; taps > 0; taps--) {
        word = (word << LP_SLOT_BITS(LP_SLOTS)) + ((uint32_t)1 << (bits - 1));
    }
    return word;
}

/* A field's place in its slot. */
LP_INLINE uint32_t slot(uint32_t fields, int32_t bits, int32_t index) {
    const int32_t place = LP_SLOT_BITS(LP_SLOTS) * index;
    return (fields << (place - bits * index)) & (((1u << bits) - 1) << place);
}

/* `count` words of `taps` weights each, at most 16 bits. */
LP_INLINE void short_words(lp_slot_bits *from, int32_t bits, int32_t taps, int32_t count, int32_t step,
                           int32_t *to) {
    const uint32_t much = added(bits, taps);
    const uint32_t mask = (1u << (bits * taps)) - 1;
    for (; count > 0; count--, to += step) {
        need(from, bits * taps);
        const uint32_t fields = from->held & mask;
        uint32_t word = slot(fields, bits, 0) | slot(fields, bits, 1);
        from->held >>= bits * taps;
        from->left -= bits * taps;
#if LP_SLOTS > 2
        word |= slot(fields, bits, 2);
#endif
#if LP_SLOTS > 3
        word |= slot(fields, bits, 3);
#endif
        *to = (int32_t)(word - much);
    }
}

static void words_of(lp_slot_bits *from, int32_t bits, int32_t taps, int32_t count, int32_t step,
                     int32_t *to) {
    const uint32_t mask = (1u << bits) - 1;
    const uint32_t much = added(bits, taps);
    for (; count > 0; count--, to += step) {
        uint32_t word = 0;
        for (int32_t shift = 0; shift < LP_SLOT_BITS(LP_SLOTS) * taps; shift += LP_SLOT_BITS(LP_SLOTS)) {
            need(from, bits);
            word |= (from->held & mask) << shift;
            from->held >>= bits;
            from->left -= bits;
        }
        *to = (int32_t)(word - much);
    }
}

LP_INLINE void unpack(const lp_slots_params *params, int32_t channel, int32_t *to) {
    const int32_t bits = params->weight_bits;
    const int32_t width = params->conv.kernel_width;
    const int32_t count = (int32_t)params->conv.kernel_height * params->conv.input_channels;
    const int32_t words = (width + LP_SLOTS - 1) / LP_SLOTS;
    const uint32_t first = (uint32_t)(channel * count * width * bits);
    lp_slot_bits from;
    from.next = params->weights + (first >> 4);
    from.held = (uint32_t)*from.next++ >> (first & 15);
    from.left = 16 - (int32_t)(first & 15);
    for (int32_t i = 0; i < words; i++) {
        const int32_t place = params->lines_are_columns ? words - 1 - i : i;
        const int32_t step = params->lines_are_columns ? 1 : words;
        const int32_t taps = lp_minimum(width - place * LP_SLOTS, LP_SLOTS);
        int32_t *const at = params->lines_are_columns ? to + i * count : to + i;
        if (bits == 2) {
            short_words(&from, 2, taps, count, step, at);
        } else if (bits == 4) {
            short_words(&from, 4, taps, count, step, at);
        } else {
            words_of(&from, bits, taps, count, step, at);
        }
    }
}

#endif
