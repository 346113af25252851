#include "lp_internal.h"

/* Numbers without integer bits: r stands for r * 2**-31.  Names of steps as in gemmlowp's fixedpoint.h, which
 * TensorFlow Lite Micro computes with. */

/* The product of two such numbers, to nearest; the second must not be negative. */
static int32_t multiply(int32_t a, int32_t b) {
    return lp_scale_tflm(a, b, 0);
}

/* x * 2**-by, to nearest, halves away from zero; `by` is 1 to 31. */
static int32_t shift_right(int32_t x, int32_t by) {
    return (((x - (x < 0)) >> (by - 1)) + 1) >> 1;
}

/* x * 2**by, saturated. */
static int32_t shift_left(int32_t x, int32_t by) {
    const int32_t most = INT32_MAX >> by;
    return x > most ? INT32_MAX : x < -most - 1 ? INT32_MIN : x * ((int32_t)1 << by);
}

/* 1 / (1 + x) for 0 <= x < 1: three steps of Newton and Raphson, with two integer bits in between. */
static int32_t inverse_of_one_plus(int32_t x) {
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t guess = 1515870810 + multiply(-1010580540, half);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t rest = ((int32_t)1 << 29) - multiply(half, guess);
        guess += shift_left(multiply(rest, guess), 2);
    }
    return shift_left(guess, 1);
}

static int32_t largest(const int8_t *values, int32_t count) {
    int32_t found = values[0];
    for (int32_t i = 1; i < count; i++) {
        found = lp_maximum(found, values[i]);
    }
    return found;
}

void lp_softmax_tflm_s8(const lp_softmax_tflm_params *params, const int8_t *input, int8_t *output) {
    const int32_t columns = params->columns;
    for (int32_t row = 0; row < params->rows; row++, input += columns, output += columns) {
        const int32_t top = largest(input, columns);
        uint32_t sum = 0; /* with 12 integer bits */
        int32_t headroom = 0;
        for (int32_t i = 0; i < columns; i++) {
            sum += (uint32_t)shift_right(params->table[top - input[i]], 12);
        }
        while (sum < (uint32_t)1 << 31) {
            sum <<= 1;
            headroom++;
        }
        const int32_t by = 12 - headroom + 31 - 8;
        const int32_t inverse = inverse_of_one_plus((int32_t)(sum - ((uint32_t)1 << 31)));
        for (int32_t i = 0; i < columns; i++) {
            const int32_t product = multiply(inverse, params->table[top - input[i]]);
            const int32_t share = by < 32 ? shift_right(product, by) : 0;
            int8_t *place = output + i;
            LP_OPAQUE(place);
            *place = (int8_t)(lp_minimum(share, 255) - 128);
        }
    }
}
