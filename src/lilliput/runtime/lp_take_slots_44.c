#define LP_SLOTS 4
#define LP_TAPS 4
#include "lp_take_slots.h"

void lp_take_slots_44(const int8_t *from, int32_t depth, int32_t across, int32_t *to, int32_t word_step,
                      int32_t channel_step) {
    take(from, depth, across, to, word_step, channel_step);
}
