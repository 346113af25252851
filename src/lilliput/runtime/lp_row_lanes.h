/* Matrix products by weights of 1 to 7 bits on cores that multiply 32 by 32 bits to 32, and nothing faster.
 *
 * A word holds the weights of an input for two outputs in lanes of 16 bits.  Weights and inputs are counted
 * from the least that their types have, so that no sum is negative, and nothing is carried as long as lanes
 * hold it.  Biases make up for what is counted too much of inputs, the sum of all inputs tells what of
 * weights.
 *
 * Of more than four bits the upper four are a part by themselves, and the lower ones another, whose products
 * are summed one after the other.  Weights come for two outputs at a time, the last of which may be missing,
 * part after part: words with as many inputs as fit a halfword, from bit 0 on, the first output in the lower
 * half.  Parts of three bits leave bit 0 of each halfword: there, the last of sixteen inputs has its own, the
 * lowest in the first of three words.  Inputs are filled up to eights, for parts of one or three bits to
 * sixteens, with any weights.  A weight of one bit is -1 or 1, and its part whether it is 1. */
#ifndef LP_ROW_LANES_H
#define LP_ROW_LANES_H

#include "lp_formats.h"
#include "lp_pixel_pairs.h"

/* The assembly knows the place of every field. */
struct lp_row_pair {
    const uint32_t *weights;
    const uint32_t *inputs; /* a word each */
    int32_t bytes;          /* of the weights */
    int32_t first_bytes;    /* of those whose products lanes hold first, one eight or sixteen at least */
    int32_t segment_bytes;  /* of the same further on */
    uint32_t sums[2];       /* of the two outputs */
};

#endif
