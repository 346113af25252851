#include "lp_patch.h"

void lp_take_patch(const lp_patch *patch, const int8_t *image, int8_t *to, int32_t padding) {
    lp_visible part;
    lp_find_part(patch, &part);
    const int32_t bytes = (part.right - part.left) * patch->pixel_bytes;
    for (int32_t row = part.top; row < part.bottom; row++) {
        const int32_t first = (patch->top + row) * patch->width + patch->left + part.left;
        lp_copy_rows(image + first * patch->pixel_bytes,
                     to + (row * patch->columns + part.left) * patch->pixel_bytes, 1, (uint32_t)bytes, 0);
    }
    lp_fill_patch(patch, to, padding);
}
