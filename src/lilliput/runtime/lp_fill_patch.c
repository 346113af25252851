#include "lp_patch.h"

static void fill(int8_t *data, int32_t bytes, int32_t value) {
    for (; bytes > 0; bytes--) {
        *data++ = (int8_t)value;
        LP_OPAQUE(data);
    }
}

void lp_fill_patch(const lp_patch *patch, int8_t *data, int32_t padding) {
    lp_visible part;
    lp_find_part(patch, &part);
    const int32_t row_bytes = patch->columns * patch->pixel_bytes;
    for (int32_t row = 0; row < patch->rows; row++, data += row_bytes) {
        if (row < part.top || row >= part.bottom) {
            fill(data, row_bytes, padding);
        } else {
            fill(data, part.left * patch->pixel_bytes, padding);
            fill(data + part.right * patch->pixel_bytes, (patch->columns - part.right) * patch->pixel_bytes,
                 padding);
        }
    }
}
