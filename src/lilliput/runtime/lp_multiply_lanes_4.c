#define LP_LANE_SHIFT "12"
#define LP_LANE_BITS_FREE 12
#define LP_LANES_BAND 0
#include "lp_multiply_lanes.h"

void lp_multiply_lanes_4(lp_lane_block *block) {
    multiply(block);
}
