/* How inputs lie that meet weights of two halves: x0 and x2 as a pair of int16, then 256 * x1 - x0 + 127 and
 * 256 * x3 - x2 + 127.  Compilers without packed arithmetic like them in order, as they are.
 */
#ifndef LP_EXPAND_H
#define LP_EXPAND_H

#include "lp_dsp.h"

/* Output pixels that are computed side by side. */
#define LP_BLOCK_PIXELS 4

/* Elements from four inputs of a pixel to its next four, and from pixel to pixel. */
#if LP_DSP
#define LP_FOUR_STEP (4 * LP_BLOCK_PIXELS)
#define LP_PIXEL_STEP(fours) 4
#else
#define LP_FOUR_STEP 4
#define LP_PIXEL_STEP(fours) (4 * (fours))
#endif

/* Writes fours of neighbouring inputs of one pixel; returns where the next of them goes. */
int16_t *lp_expand_fours(const int8_t *from, int16_t *to, int32_t fours);

#endif
