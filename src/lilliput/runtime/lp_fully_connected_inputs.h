/* How the inputs of a matrix product are expanded: as lp_expand.h says, one after the other. */
#ifndef LP_FULLY_CONNECTED_INPUTS_H
#define LP_FULLY_CONNECTED_INPUTS_H

#include "lp_dsp.h"

/* Four inputs. */
static int16_t *expand(const int8_t *input, int16_t *to) {
#if LP_DSP
    const uint32_t bytes = lp_load_4(input);
    ((lp_pair *)(void *)to)[0] = lp_even_bytes(bytes);
    ((lp_pair *)(void *)to)[1] = (int32_t)(bytes ^ 0x007F007Fu);
#else
    for (int32_t i = 0; i < 4; i++) {
        to[i] = input[i];
    }
#endif
    return to + 4;
}

/* All inputs, and zeros up to so many fours. */
static void expand_all(const int8_t *input, int32_t inputs, int32_t fours, int16_t *to) {
    const int8_t zeros[4] = {0, 0, 0, 0};
    int8_t rest[4] = {0, 0, 0, 0};
    int32_t i = 0;
    for (; i < inputs / 4; i++, input += 4) {
        to = expand(input, to);
    }
    for (int32_t k = 0; k < inputs % 4; k++) {
        rest[k] = *input++;
        LP_OPAQUE(input);
    }
    for (const int8_t *filling = rest; i < fours; i++, filling = zeros) {
        to = expand(filling, to);
    }
}

#endif
