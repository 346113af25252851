/* What the kernels for cores with Helium, Arm's vectors of 128 bits (MVE), share.
 *
 * Each of these kernels also has a portable path with the same layout of weights and the same results, so
 * that a network generated for such a core runs on any other.
 */
#ifndef LP_MVE_H
#define LP_MVE_H

#include "lp_helium.h"
#include "lp_profile.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__)
#if __ARM_FEATURE_MVE & 1
#define LP_MVE 1
#endif
#endif
#ifndef LP_MVE
#define LP_MVE 0
#endif

/* Output channels that are computed side by side. */
#define LP_MVE_CHANNELS 4

#if LP_MVE

#include <arm_mve.h>

LP_INLINE void lp_mve_copy(const int8_t *from, int8_t *to, int32_t count) {
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[from]], #16      \n"
                     "vstrb.8        q0, [%[to]], #16        \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [from] "+r"(from), [to] "+r"(to)
                     : [count] "r"(count)
                     : "lr", "q0", "memory");
}

LP_INLINE void lp_mve_fill(int8_t *to, int32_t value, int32_t count) {
    const int8x16_t values = vdupq_n_s8((int8_t)value);
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vstrb.8        %q[values], [%[to]], #16 \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [to] "+r"(to)
                     : [count] "r"(count), [values] "w"(values)
                     : "lr", "memory");
}

/* `count` outputs get the range, if it is smaller than int8. */
LP_INLINE void lp_mve_limit(int8_t *output, int32_t count, int32_t minimum, int32_t maximum) {
    if (minimum == -128 && maximum == 127) {
        return;
    }
    const int8x16_t least = vdupq_n_s8((int8_t)minimum);
    const int8x16_t largest = vdupq_n_s8((int8_t)maximum);
    __asm__ volatile("wlstp.8        lr, %[count], 2f        \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[output]]         \n"
                     "vmax.s8        q0, q0, %q[least]       \n"
                     "vmin.s8        q0, q0, %q[largest]     \n"
                     "vstrb.8        q0, [%[output]], #16    \n"
                     "letp           lr, 1b                  \n"
                     "2:                                     \n"
                     : [output] "+r"(output)
                     : [count] "r"(count), [least] "w"(least), [largest] "w"(largest)
                     : "lr", "q0", "memory");
}

#else

LP_INLINE void lp_mve_copy(const int8_t *from, int8_t *to, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t *place = to + i;
        LP_OPAQUE(place);
        *place = from[i];
    }
}

LP_INLINE void lp_mve_fill(int8_t *to, int32_t value, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t *place = to + i;
        LP_OPAQUE(place);
        *place = (int8_t)value;
    }
}

#endif

#endif
