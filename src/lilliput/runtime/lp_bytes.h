/* Runs of bytes that are copied or filled by kernels themselves, which call no C library. */
#ifndef LP_BYTES_H
#define LP_BYTES_H

#include "lp_dsp.h"

/* `count` bytes; where there are four, the last of them may be copied twice.  Returns where the next goes. */
LP_INLINE int8_t *lp_copy_bytes(const int8_t *from, int8_t *to, int32_t count) {
#if LP_DSP
    if (count >= 4) {
        int8_t *const end = to + count;
        for (; count > 4; count -= 4, from += 4, to += 4) {
            lp_store_4(to, lp_load_4(from));
            LP_OPAQUE(to);
        }
        lp_store_4(end - 4, lp_load_4(from + (count - 4)));
        return end;
    }
#endif
    for (; count > 0; count--) {
        *to++ = *from++;
        LP_OPAQUE(to);
    }
    return to;
}

static LP_UNUSED LP_NOINLINE int8_t *lp_fill_bytes(int8_t *to, int8_t value, int32_t count) {
    for (; count > 0; count--) {
        *to++ = value;
        LP_OPAQUE(to);
    }
    return to;
}

#endif
