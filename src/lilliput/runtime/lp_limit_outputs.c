#include "lp_dsp.h"

void lp_limit_outputs(int8_t *output, int32_t count, int32_t minimum, int32_t maximum) {
    int8_t *const end = output + count;
#if LP_DSP
    const uint32_t least = (uint8_t)minimum * 0x01010101u;
    const uint32_t most = (uint8_t)maximum * 0x01010101u;
    for (; end - output >= 16; output += 16) {
        const uint32_t words[4] = {lp_load_4(output), lp_load_4(output + 4), lp_load_4(output + 8),
                                   lp_load_4(output + 12)};
        lp_store_4(output, lp_smaller_4(lp_larger_4(words[0], least), most));
        lp_store_4(output + 4, lp_smaller_4(lp_larger_4(words[1], least), most));
        lp_store_4(output + 8, lp_smaller_4(lp_larger_4(words[2], least), most));
        lp_store_4(output + 12, lp_smaller_4(lp_larger_4(words[3], least), most));
    }
    for (; end - output >= 4; output += 4) {
        lp_store_4(output, lp_smaller_4(lp_larger_4(lp_load_4(output), least), most));
        LP_OPAQUE(output);
    }
#endif
    for (; output < end; output++) {
        *output = (int8_t)lp_maximum(lp_minimum(*output, maximum), minimum);
        LP_OPAQUE(output);
    }
}
