/* Pairs of elements of two tensors, one of which may be repeated; lp_pair_of() says what becomes of two. */
#ifndef LP_WIDE_PAIRS_H
#define LP_WIDE_PAIRS_H

LP_INLINE void each_pair(const lp_pair_params *params, const void *first, const void *second, void *to) {
    const lp_value *whole = (const lp_value *)first;
    const lp_value *other = (const lp_value *)second;
    lp_value *output = (lp_value *)to;
    const uint32_t period = params->period;
    const uint32_t step = params->step;
    for (uint32_t left = params->elements; left > 0; left -= period * step) {
        for (uint32_t place = 0; place < period; place++) {
            const lp_value value = other[place];
            for (uint32_t again = step; again > 0; again--) {
                *output++ = lp_cut(lp_pair_of(params, *whole++, value), params->minimum, params->maximum);
            }
        }
    }
}

#endif
