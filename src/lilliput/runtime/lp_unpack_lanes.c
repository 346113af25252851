#include "lp_lanes.h"

#if LP_DSP

/* clang-format off */

/* Two lanes from a word and where they lie in it: r12 masks them, lr is what was added to them. */
#define LANES(to, word, turn)                                                                                \
    "and.w   " to ", r12, " word turn "      \n"                                                             \
    "ssub16  " to ", " to ", lr              \n"
/* Those of a four; the word is in a register of its own or in the last one. */
#define LANES_2(word, a, b, c, d)                                                                            \
    LANES(a, word, "") LANES(b, word, ", ror #4") LANES(c, word, ", ror #8") LANES(d, word, ", ror #12")
#define LANES_4(even, odd, a, b, c, d)                                                                       \
    LANES(a, even, "") LANES(b, even, ", ror #8") LANES(c, odd, "") LANES(d, odd, ", ror #8")

LP_NAKED static const uint32_t *unpack(const uint32_t *packed LP_UNUSED, int32_t bits LP_UNUSED,
                                       int32_t fours LP_UNUSED, int32_t *lanes LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}                    \n"
        "cmp     r1, #2                          \n"
        "bne     4f                              \n"
        "movw    r12, #0xC003                    \n"
        "movt    r12, #0xC003                    \n"
        "mov.w   lr, #0x00010001                 \n"
        "lsrs    r2, r2, #1                      \n"
        "bcc     1f                              \n" /* an odd four comes first */
        "ldr     r1, [r0], #4                    \n"
        LANES_2("r1", "r4", "r5", "r6", "r7")
        "stmia   r3!, {r4-r7}                    \n"
        "1:                                      \n"
        "cbz     r2, 3f                          \n"
        "2:                                      \n"
        "ldrd    r1, r11, [r0], #8               \n"
        LANES_2("r1", "r4", "r5", "r6", "r7")
        LANES_2("r11", "r8", "r9", "r10", "r11")
        "subs    r2, r2, #1                      \n"
        "stmia   r3!, {r4-r11}                   \n"
        "bne     2b                              \n"
        "3:                                      \n"
        "pop     {r4-r11, pc}                    \n"
        "4:                                      \n"
        "movw    r12, #0xF00F                    \n"
        "movt    r12, #0xF00F                    \n"
        "mov.w   lr, #0x00070007                 \n"
        "lsrs    r2, r2, #1                      \n"
        "bcc     1f                              \n"
        "ldrd    r1, r7, [r0], #8                \n"
        LANES_4("r1", "r7", "r4", "r5", "r6", "r7")
        "stmia   r3!, {r4-r7}                    \n"
        "1:                                      \n"
        "cbz     r2, 3f                          \n"
        "2:                                      \n"
        "ldmia.w r0!, {r1, r7, r9, r11}          \n"
        LANES_4("r1", "r7", "r4", "r5", "r6", "r7")
        LANES_4("r9", "r11", "r8", "r9", "r10", "r11")
        "subs    r2, r2, #1                      \n"
        "stmia   r3!, {r4-r11}                   \n"
        "bne     2b                              \n"
        "3:                                      \n"
        "pop     {r4-r11, pc}                    \n");
}

/* clang-format on */

#else

static const uint32_t *unpack(const uint32_t *packed, int32_t bits, int32_t fours, int32_t *lanes) {
    for (; fours > 0; fours--, lanes += 4) {
        const uint32_t even = *packed++;
        lanes[0] = lp_lanes(even, 0, bits);
        if (bits == 2) {
            lanes[1] = lp_lanes(even, 4, 2);
            lanes[2] = lp_lanes(even, 8, 2);
            lanes[3] = lp_lanes(even, 12, 2);
        } else {
            const uint32_t odd = *packed++;
            lanes[1] = lp_lanes(even, 8, 4);
            lanes[2] = lp_lanes(odd, 0, 4);
            lanes[3] = lp_lanes(odd, 8, 4);
        }
    }
    return packed;
}

#endif

const uint32_t *lp_unpack_lanes(const uint32_t *packed, int32_t bits, int32_t fours, int32_t *lanes) {
    return unpack(packed, bits, fours, lanes);
}
