/* Convolutions by weights of 2 to 7 bits on cores that multiply 32 by 32 bits to 32, and nothing faster.
 *
 * A word holds the inputs of two or four output pixels in lanes of 16 or 8 bits.  Its product with a weight
 * is the products of all of them, which carry into each other, but so do their sums: where each lane begins
 * at half of what it holds, and its sum fits, nothing is carried in the end.  Inputs are counted from the
 * least that their type has, so that they are not negative; biases make up for it.
 *
 * Weights of a channel lie one behind the other, from bit 0 on, filled up to eights with zeros. */
#ifndef LP_PIXEL_LANES_H
#define LP_PIXEL_LANES_H

#include "lp_formats.h"
#include "lp_pixel_pairs.h"

/* Words that an input of all pixels takes, side by side. */
#define LP_LANE_WORDS 4
/* Pixels that they hold at most. */
#define LP_LANE_PIXELS 16

/* What lanes hold behind the sums of some inputs, over and over; the assembly knows the place of every
 * field. */
struct lp_lane_sums {
    uint32_t start;                   /* of a word's lanes */
    uint32_t mask;                    /* of every second lane */
    uint32_t bits;                    /* of a lane */
    uint32_t sums[2 * LP_LANE_WORDS]; /* of each word's even lanes, and of its odd ones */
};

#endif
