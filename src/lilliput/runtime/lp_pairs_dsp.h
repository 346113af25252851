/* Pairs of elements of two tensors, one of which may be repeated, four at a time on cores with packed 16-bit
 * arithmetic.
 *
 * The C file that includes this says with LP_PARAMS which parameters it takes, and defines `constants`, what
 * of them and of its own the loops need, with these fields: `zero_first` and `zero_second`, what is taken off
 * the elements; `swaps`, whether `other` is the first of a pair.  take_constants() makes them, and pair_of()
 * makes of two such differences, in the low halves of two words, what is then cut to int8.
 */
#include "lp_dsp.h"

/* Rows up to this length are repeated in a buffer where many of them come: each run takes some time by
 * itself, and what of it fills no four takes longer. */
#define SHORT_ROW 32
#define REPEATED 4
#define MANY_ROWS 8

/* Four times what a pair has to do with. */
typedef struct {
    int32_t zero_first, zero_second;
    uint32_t minimum, maximum;
} fours;

#if LP_DSP

LP_INLINE fours fours_of(const constants *own, int32_t minimum, int32_t maximum) {
    const uint32_t minus_zero_1 = (uint32_t)-own->zero_first & 0xFFFFu;
    const uint32_t minus_zero_2 = (uint32_t)-own->zero_second & 0xFFFFu;
    fours all;
    all.zero_first = (int32_t)(minus_zero_1 << 16 | minus_zero_1);
    all.zero_second = (int32_t)(minus_zero_2 << 16 | minus_zero_2);
    all.minimum = (uint8_t)minimum * 0x01010101u;
    all.maximum = (uint8_t)maximum * 0x01010101u;
    return all;
}

LP_INLINE uint32_t four_of_pairs(const constants *own, const fours *all, uint32_t bytes_1, uint32_t bytes_2) {
    const int32_t even_1 = lp_add_even_bytes(all->zero_first, bytes_1);
    const int32_t even_2 = lp_add_even_bytes(all->zero_second, bytes_2);
    const int32_t found_0 = lp_saturate_8(pair_of(own, even_1, even_2));
    const int32_t found_2 = lp_saturate_8(pair_of(own, even_1 >> 16, even_2 >> 16));
    const int32_t odd_1 = lp_add_odd_bytes(all->zero_first, bytes_1);
    const int32_t odd_2 = lp_add_odd_bytes(all->zero_second, bytes_2);
    const int32_t found_1 = lp_saturate_8(pair_of(own, odd_1, odd_2));
    const int32_t found_3 = lp_saturate_8(pair_of(own, odd_1 >> 16, odd_2 >> 16));
    const uint32_t found = lp_pack_4(found_0, found_1, found_2, found_3);
    return lp_smaller_4(lp_larger_4(found, all->minimum), all->maximum);
}

#endif

/* `output` may be `whole`, and also `other` where that is not repeated. */
LP_INLINE void each_pair(const LP_PARAMS *params, const int8_t *whole, const int8_t *other, int8_t *output) {
    constants own;
    take_constants(&own, params);
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    const uint32_t step = params->step == 1; /* of `other` in a run */
    const uint32_t period = params->period;
    uint32_t length = step ? period : params->step;
    int8_t repeated[REPEATED * SHORT_ROW];
    if (step && length <= SHORT_ROW && length * MANY_ROWS <= params->elements) {
        int8_t *to = repeated;
        for (uint32_t again = REPEATED; again > 0; again--) {
            for (uint32_t place = 0; place < length; place++) {
                *to++ = other[place];
                LP_OPAQUE(to);
            }
        }
        length *= REPEATED;
        other = repeated;
    }
    const int8_t *value = other;
#if LP_DSP
    const fours all = fours_of(&own, minimum, maximum);
#endif
    for (uint32_t left = params->elements; left > 0;) {
        uint32_t count = length < left ? length : left;
        const uint32_t four = (uint8_t)*value * 0x01010101u;
        const int8_t *const repeated_one = step ? other : (const int8_t *)(const void *)&four;
        const int8_t *first = own.swaps ? repeated_one : whole;
        const int8_t *second = own.swaps ? whole : repeated_one;
        const uint32_t first_step = own.swaps ? step : 1;
        const uint32_t second_step = own.swaps ? 1 : step;
        left -= count;
        whole += count;
#if LP_DSP
        for (; count >= 4; count -= 4) {
            lp_store_4(output, four_of_pairs(&own, &all, lp_load_4(first), lp_load_4(second)));
            first += 4 * first_step;
            second += 4 * second_step;
            output += 4;
        }
#endif
        for (; count > 0; count--, first += first_step, second += second_step) {
            const int32_t found = pair_of(&own, *first - own.zero_first, *second - own.zero_second);
            *output++ = (int8_t)lp_minimum(lp_maximum(found, minimum), maximum);
        }
        value = step || ++value == other + period ? other : value;
    }
}
