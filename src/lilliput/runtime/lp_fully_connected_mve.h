#ifndef LP_FULLY_CONNECTED_MVE_H
#define LP_FULLY_CONNECTED_MVE_H

#include "lp_mve.h"

LP_INLINE void fully_connected_mve(const lp_fully_connected_params *params, const int8_t *input,
                                   int8_t *output) {
    lp_mve_matrix matrix;
    matrix.weights = params->weights;
    matrix.channels = lp_channels(params->channels);
    matrix.outputs = params->outputs;
    matrix.count = params->inputs;
    matrix.shift = params->shift;
    matrix.zero_point = params->output_zero_point;
    matrix.minimum = params->minimum;
    matrix.maximum = params->maximum;
    lp_mve_multiply(&matrix, input, 1, output);
}

#endif
