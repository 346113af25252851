#include "lp_expand.h"

#if LP_DSP

/* The low byte of 127 - x is that of x with seven bits turned over. */
#define EXPAND(register, first, second)                                                                      \
    "sxtb16  r12, " register "               \n"                                                             \
                             "eor     " register ", " register ", #0x007F007F \n"                            \
                                                               "str.w   r12, [r1, #" first "]           \n"  \
                                                               "str.w   " register ", [r1, #" second "] \n"

LP_NAKED int16_t *lp_expand_fours(const int8_t *from LP_UNUSED, int16_t *to LP_UNUSED,
                                  int32_t fours LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r6, lr}                     \n"
        "subs    r2, r2, #4                      \n"
        "blt     2f                              \n"
        ".balign 4                               \n"
        "1:                                      \n" /* four fours */
        "ldr.w   r3, [r0, #0]                    \n"
        "ldr.w   r4, [r0, #4]                    \n"
        "ldr.w   r5, [r0, #8]                    \n"
        "ldr     r6, [r0, #12]                   \n" EXPAND("r3", "0", "4") EXPAND("r4", "32", "36")
            EXPAND("r5", "64", "68")
                EXPAND("r6", "96", "100") "adds    r0, r0, #16                     \n"
                                          "subs    r2, r2, #4                      \n"
                                          "add     r1, r1, #128                    \n"
                                          "bge     1b                              \n"
                                          "2:                                      \n"
                                          "adds    r2, r2, #4                      \n"
                                          "beq     4f                              \n"
                                          "3:                                      \n" /* a four */
                                          "ldr     r3, [r0], #4                    \n"
                                          "subs    r2, r2, #1                      \n" EXPAND(
                                              "r3", "0", "4") "add     r1, r1, #32                     \n"
                                                              "bne     3b                              \n"
                                                              "4:                                      \n"
                                                              "mov     r0, r1                          \n"
                                                              "pop     {r4-r6, pc}                     \n");
}

#else

int16_t *lp_expand_fours(const int8_t *from, int16_t *to, int32_t fours) {
    for (; fours > 0; fours--, from += 4, to += LP_FOUR_STEP) {
        for (int32_t i = 0; i < 4; i++) {
            to[i] = from[i];
        }
    }
    return to;
}

#endif
