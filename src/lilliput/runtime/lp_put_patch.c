#include "lp_patch.h"

void lp_put_patch(const lp_patch *patch, const int8_t *from, int8_t *image) {
    lp_visible part;
    lp_find_part(patch, &part);
    const int32_t bytes = (part.right - part.left) * patch->pixel_bytes;
    for (int32_t row = part.top; row < part.bottom; row++) {
        const int32_t first = (patch->top + row) * patch->width + patch->left + part.left;
        lp_copy_rows(from + (row * patch->columns + part.left) * patch->pixel_bytes,
                     image + first * patch->pixel_bytes, 1, (uint32_t)bytes, 0);
    }
}
