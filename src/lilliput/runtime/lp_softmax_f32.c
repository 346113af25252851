#include "lp_float.h"

void lp_softmax_f32(const lp_softmax_f32_params *params, const void *input, void *output) {
    const int32_t columns = params->columns;
    const float *from = (const float *)input;
    float *to = (float *)output;
    for (int32_t row = 0; row < params->rows; row++, from += columns, to += columns) {
        float top = from[0];
        float sum = 0.0f;
        for (int32_t i = 1; i < columns; i++) {
            top = from[i] > top ? from[i] : top;
        }
        for (int32_t i = 0; i < columns; i++) {
            to[i] = lp_exp(params->beta * (from[i] - top));
            sum += to[i];
        }
        for (int32_t i = 0; i < columns; i++) {
            to[i] /= sum;
        }
    }
}
