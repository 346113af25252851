#include "lp_internal.h"

void lp_copy_rows(const int8_t *input, int8_t *output, uint32_t rows, uint32_t row_bytes,
                  uint32_t output_stride) {
    for (uint32_t row = 0; row < rows; row++, output += output_stride) {
        int8_t *place = output;
        int8_t *const end = output + row_bytes;
        while (place < end) {
            *place++ = *input++;
            LP_OPAQUE(place);
        }
    }
}
