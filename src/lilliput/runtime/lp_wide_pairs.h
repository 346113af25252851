/* Pairs of elements of two tensors, one of which may be repeated; lp_pair_of() says what two become. */
#ifndef LP_WIDE_PAIRS_H
#define LP_WIDE_PAIRS_H

LP_INLINE void each_pair(const lp_pair_params *params, const void *first, const void *second, void *to) {
    const lp_value *whole = (const lp_value *)first;
    const lp_value *other = (const lp_value *)second;
    lp_value *output = (lp_value *)to;
    uint32_t again = params->step;
    uint32_t places = params->period;
    for (uint32_t left = params->elements; left > 0; left--) {
        *output++ = lp_pair_of(params, *whole++, *other);
        if (--again > 0) {
            continue;
        }
        again = params->step;
        other++;
        if (--places == 0) {
            places = params->period;
            other -= places;
        }
    }
}

#endif
