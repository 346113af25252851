/* What the parts of the convolution share that keeps the rows under its windows in memory. */
#ifndef LP_ROWS_H
#define LP_ROWS_H

#include "lp_block.h"

/* Columns of a kernel. */
#define LP_ROWS_KERNEL_WIDTH 3

/* Four neighbouring output pixels.  The assembly knows the place of every field up to the stride. */
typedef struct {
    lp_block block;           /* `inputs` is the first of the window of pixel 0 */
    const int16_t *first_end; /* of the inputs, as of the window's last row if the ring ended there */
    const int16_t *wrap;      /* where they go on if it does not */
    const int16_t *last_end;
    int32_t plane_bytes;
    int32_t stride; /* from pixel to pixel: 1 or 2 */
} lp_row_block;

/* All output channels of four pixels. */
void lp_multiply_rows(const lp_row_block *block, int8_t *output);

/* The same in the profile `tflm`. */
void lp_multiply_rows_tflm(const lp_row_block *block, int8_t *output);

#endif
