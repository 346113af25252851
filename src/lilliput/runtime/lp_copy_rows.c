#include "lp_dsp.h"

void lp_copy_rows(const int8_t *input, int8_t *output, uint32_t rows, uint32_t row_bytes,
                  uint32_t output_stride) {
    for (uint32_t row = 0; row < rows; row++, output += output_stride) {
        int8_t *place = output;
        uint32_t left = row_bytes;
#if LP_DSP
        for (; left >= 4; left -= 4, place += 4, input += 4) {
            lp_store_4(place, lp_load_4(input));
            LP_OPAQUE(place);
        }
#endif
        for (; left > 0; left--) {
            *place++ = *input++;
            LP_OPAQUE(place);
        }
    }
}
