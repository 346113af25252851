/* Images of which some rows are there: layers that take turns row by row hand them to each other. */
#ifndef LP_IMAGE_H
#define LP_IMAGE_H

#include "lp_internal.h"

/* Rows of an image: row `first` lies at `data`, the others behind it; those before `first` are gone, those
 * from `end` on are not made yet. */
typedef struct {
    int8_t *data;
    int32_t row_bytes;
    int32_t first, end;
} lp_image;

/* Where a row lies. */
LP_INLINE int8_t *lp_row(const lp_image *image, int32_t row) {
    return image->data + (row - image->first) * image->row_bytes;
}

/* Drops rows before `first`; the others move to `data`. */
void lp_drop_rows(lp_image *image, int32_t first);

#endif
