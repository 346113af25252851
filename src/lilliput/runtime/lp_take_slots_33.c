#define LP_SLOTS 3
#define LP_TAPS 3
#include "lp_take_slots.h"

void lp_take_slots_33(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step) {
    take(from, depth, across, to, word_step, channel_step);
}
