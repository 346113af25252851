#define LP_SLOTS 4
#define LP_TAPS 4
#include "lp_unpack_slots.h"

void lp_unpack_slots_44(const lp_slots_params *params, int32_t channel, int32_t *words) {
    unpack(params, channel, words);
}
