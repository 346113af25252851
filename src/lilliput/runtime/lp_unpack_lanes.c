#include "lp_lanes.h"

const uint32_t *lp_unpack_lanes(const uint32_t *packed, int32_t bits, int32_t fours, int32_t *lanes) {
    if (bits == 2) {
        for (; fours > 0; fours--, lanes += 4) {
            const uint32_t word = *packed++;
            lanes[0] = lp_lanes_2(word, 0);
            lanes[1] = lp_lanes_2(word, 4);
            lanes[2] = lp_lanes_2(word, 8);
            lanes[3] = lp_lanes_2(word, 12);
        }
    } else {
        for (; fours > 0; fours--, lanes += 4) {
            const uint32_t even = *packed++;
            const uint32_t odd = *packed++;
            lanes[0] = lp_lanes_4(even, 0);
            lanes[1] = lp_lanes_4(even, 8);
            lanes[2] = lp_lanes_4(odd, 0);
            lanes[3] = lp_lanes_4(odd, 8);
        }
    }
    return packed;
}
