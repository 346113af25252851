/* Patches of images: the first layers of a network can run on one after the other. */
#ifndef LP_PATCH_H
#define LP_PATCH_H

#include "lp_internal.h"

/* Where the patch lies in its image, of which it may reach beyond the border. */
typedef struct {
    int32_t height, width; /* of the image */
    int32_t rows, columns; /* of the patch */
    int32_t pixel_bytes;   /* all channels */
    int32_t top, left;     /* its first row and column, seen from those of the image */
} lp_patch;

/* The part of the patch that lies in the image, in rows and columns of the patch. */
typedef struct {
    int32_t top, bottom, left, right;
} lp_visible;

LP_INLINE void lp_find_part(const lp_patch *patch, lp_visible *part) {
    part->top = lp_minimum(patch->rows, lp_maximum(0, -patch->top));
    part->bottom = lp_maximum(part->top, lp_minimum(patch->rows, patch->height - patch->top));
    part->left = lp_minimum(patch->columns, lp_maximum(0, -patch->left));
    part->right = lp_maximum(part->left, lp_minimum(patch->columns, patch->width - patch->left));
}

/* Copies what lies in the image to the patch, and fills the rest of it. */
void lp_take_patch(const lp_patch *patch, const int8_t *image, int8_t *to, int32_t padding);

/* Fills what does not lie in the image. */
void lp_fill_patch(const lp_patch *patch, int8_t *data, int32_t padding);

/* Copies what lies in the image to it. */
void lp_put_patch(const lp_patch *patch, const int8_t *from, int8_t *image);

#endif
