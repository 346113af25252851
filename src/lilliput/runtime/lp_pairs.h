/* Pairs of elements of two tensors, one of which may be repeated.
 *
 * The C file that includes this says with LP_PARAMS which parameters it takes, and with the function
 * lp_pair() what it makes of two elements, before that is cut to int8.
 */

/* `output` may be `whole`, and also `other` where that is not repeated. */
LP_INLINE void lp_each_pair(const LP_PARAMS *params, const int8_t *whole, const int8_t *other,
                            int8_t *output) {
    const int32_t minimum = params->minimum;
    const int32_t maximum = params->maximum;
    const uint32_t period = params->period;
    const uint32_t step = params->step;
    for (uint32_t left = params->elements; left > 0; left -= period * step) {
        for (uint32_t place = 0; place < period; place++) {
            const int32_t value = other[place];
            for (uint32_t again = step; again > 0; again--) {
                const int32_t found = lp_pair(params, *whole++, value);
                *output++ = (int8_t)lp_minimum(lp_maximum(found, minimum), maximum);
            }
        }
    }
}
