#define LP_LANE_SHIFT "14"
#define LP_LANE_BITS_FREE 14
#define LP_LANES_BAND 0
#include "lp_multiply_lanes_small.h"

void lp_multiply_lanes_2_small(lp_lane_block *block) {
    multiply(block);
}
