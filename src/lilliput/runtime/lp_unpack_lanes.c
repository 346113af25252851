#include "lp_lanes.h"

const uint32_t *lp_unpack_lanes(const uint32_t *packed, int32_t bits, int32_t fours, int32_t *lanes) {
    if (bits == 2) {
        for (; fours > 0; fours--, lanes += 4) {
            const uint32_t word = *packed++;
            lanes[0] = lp_lanes(word, 0, 2);
            lanes[1] = lp_lanes(word, 4, 2);
            lanes[2] = lp_lanes(word, 8, 2);
            lanes[3] = lp_lanes(word, 12, 2);
        }
    } else {
        for (; fours > 0; fours--, lanes += 4) {
            const uint32_t even = *packed++;
            const uint32_t odd = *packed++;
            lanes[0] = lp_lanes(even, 0, 4);
            lanes[1] = lp_lanes(even, 8, 4);
            lanes[2] = lp_lanes(odd, 0, 4);
            lanes[3] = lp_lanes(odd, 8, 4);
        }
    }
    return packed;
}
