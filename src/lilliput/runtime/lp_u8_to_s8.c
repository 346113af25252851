#include "lp_dsp.h"

void lp_u8_to_s8(const uint8_t *input, int8_t *output, uint32_t elements) {
#if LP_DSP
    for (; elements >= 4; elements -= 4, input += 4, output += 4) {
        lp_store_4(output, lp_load_4((const int8_t *)input) ^ 0x80808080u);
    }
#endif
    for (; elements > 0; elements--) {
        *output++ = (int8_t)(*input++ - 128);
    }
}
