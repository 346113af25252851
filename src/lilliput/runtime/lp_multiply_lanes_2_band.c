#define LP_LANE_SHIFT "14"
#define LP_LANE_BITS_FREE 14
#define LP_LANES_BAND 1
#include "lp_multiply_lanes.h"

void lp_multiply_lanes_2_band(lp_lane_block *block) {
    multiply(block);
}
