#ifndef LP_WIDE_REQUANTIZE_H
#define LP_WIDE_REQUANTIZE_H

#include "lp_formats.h"
#include "lp_internal.h"

LP_INLINE void requantize(const lp_requantize_params *params, const void *from, void *to) {
    const LP_FROM *input = (const LP_FROM *)from;
    LP_TO *output = (LP_TO *)to;
    for (uint32_t left = params->elements; left > 0; left--) {
        const int32_t value = (*input++ * params->multiplier + params->offset) >> params->shift;
        *output++ = (LP_TO)lp_minimum(lp_maximum(value, params->minimum), params->maximum);
    }
}

#endif
