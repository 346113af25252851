/* Pairs of elements of two tensors, one of which may be repeated.
 *
 * The C file that includes this says with LP_PARAMS which parameters it takes, with the function lp_other()
 * what it makes of an element that is repeated, once for all of its repetitions, and with lp_pair_of() what
 * it makes of that and an element of the other tensor, before it is cut to int8.
 */

/* `output` may be `whole`, and also `other` where that is not repeated. */
LP_INLINE void lp_each_pair(const LP_PARAMS *LP_RESTRICT params, const int8_t *whole, const int8_t *other,
                            int8_t *output) {
    for (uint32_t left = params->elements; left > 0; left -= params->period * params->step) {
        for (uint32_t place = 0; place < params->period; place++) {
            const int32_t value = lp_other(params, other[place]);
            for (uint32_t again = params->step; again > 0; again--) {
                const int32_t found = lp_pair_of(params, *whole++, value);
                *output++ = (int8_t)lp_minimum(lp_maximum(found, params->minimum), params->maximum);
            }
        }
    }
}
