#define LP_BITS 4
#include "lp_planes.h"

const uint32_t *lp_unpack_planes_4(const uint32_t *weights, int32_t words, uint32_t guard, int32_t doublings,
                                   uint32_t *to) {
    return unpack_planes(weights, words, guard, doublings, to);
}
