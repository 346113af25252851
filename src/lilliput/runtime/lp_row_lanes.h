/* Matrix products by weights of 2 or 4 bits on cores that multiply 32 by 32 bits to 32, and nothing faster.
 *
 * A word holds the weights of an input for two outputs in lanes of 16 bits.  Weights and inputs are counted
 * from the least that their types have, so that no sum is negative, and nothing is carried as long as lanes
 * hold it.  Biases make up for what is counted too much of inputs, the sum of all inputs tells what of
 * weights.
 *
 * Weights come for two outputs at a time, the last of which may be missing: words with as many inputs as fit
 * a halfword, from bit 0 on, the first output in the lower half.  Inputs are filled up to eights with any
 * weights. */
#ifndef LP_ROW_LANES_H
#define LP_ROW_LANES_H

#include "lp_formats.h"
#include "lp_pixel_pairs.h"

/* The assembly knows the place of every field. */
typedef struct {
    const uint32_t *weights;
    const uint32_t *inputs; /* a word each */
    int32_t bytes;          /* of the weights */
    int32_t first_bytes;    /* of those whose products lanes hold first, at least one eight */
    int32_t segment_bytes;  /* of the same further on */
    uint32_t sums[2];       /* of the two outputs */
} lp_row_pair;

/* `sums`, and where the next `weights` begin. */
void lp_multiply_row_pair_2(lp_row_pair *rows);
void lp_multiply_row_pair_4(lp_row_pair *rows);

#endif
