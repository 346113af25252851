/* Pairs of elements of two tensors, one of which may be repeated; lp_pair_of() says what two become. */
#ifndef LP_WIDE_PAIRS_H
#define LP_WIDE_PAIRS_H

LP_INLINE void each_pair(const lp_pair_params *params, const void *first, const void *second, void *to) {
    const lp_value *whole = (const lp_value *)first;
    const lp_value *other = (const lp_value *)second;
    lp_value *output = (lp_value *)to;
    uint32_t again = params->step;
    uint32_t place = 0;
    for (uint32_t left = params->elements; left > 0; left--) {
        *output++ = lp_pair_of(params, *whole++, other[place]);
        if (--again == 0) {
            again = params->step;
            place = place + 1 < params->period ? place + 1 : 0;
        }
    }
}

#endif
