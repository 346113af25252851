#define LP_SLOTS 2
#define LP_TAPS 2
#include "lp_unpack_slots.h"

void lp_unpack_slots_22(const lp_slots_params *params, int32_t channel, int32_t *words) {
    unpack(params, channel, words);
}
