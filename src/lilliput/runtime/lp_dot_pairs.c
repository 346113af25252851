#define LP_TFLM 0
#include "lp_pairs_block.h"

#if LP_THUMB_1

/* Two products of each of two pixels, from the weights in r6 and r7: 9 cycles.  `whole` sums the words as
 * they are, `upper` their upper halves to nearest: the shift leaves in the carry what rounds them. */
#define TWO(whole, upper)                                                                                    \
    "ldmia   r1!, {r2, r3}           \n"                                                                     \
    "muls    r2, r6, r2              \n"                                                                     \
    "muls    r3, r7, r3              \n"                                                                     \
    "adds    r2, r2, r3              \n"                                                                     \
    "add     " whole ", r2           \n"                                                                     \
    "asrs    r2, r2, #16             \n"                                                                     \
    "adcs    " upper ", r2           \n"

/* The lower half's sum is what the upper one leaves of the whole. */
#define PAIR_OF_SUMS(whole, upper)                                                                           \
    "lsls    r0, " upper ", #16      \n"                                                                     \
    "mov     r1, " whole "           \n"                                                                     \
    "subs    r1, r1, r0              \n"                                                                     \
    "mov     r2, " upper "           \n"                                                                     \
    "stmia   r3!, {r1, r2}           \n"

/* Sixteen products in 49 cycles. */
LP_THUMB_1_NAKED void lp_dot_pairs(const int8_t *weights LP_THUMB_1_UNUSED,
                                   const int32_t *inputs LP_THUMB_1_UNUSED, int32_t fours LP_THUMB_1_UNUSED,
                                   int32_t *sums LP_THUMB_1_UNUSED) {
    __asm__ volatile(
        ".syntax unified                 \n"
        "push    {r3-r7, lr}             \n"
        "mov     r4, r8                  \n"
        "mov     r5, r9                  \n"
        "mov     r6, r10                 \n"
        "mov     r7, r11                 \n"
        "push    {r4-r7}                 \n"
        /* r1 inputs, r4 and r5 upper sums, r8 and r9 whole ones, r10 end of the inputs, r11 weights. */
        "lsls    r2, r2, #5              \n"
        "adds    r2, r2, r1              \n"
        "mov     r10, r2                 \n"
        "mov     r11, r0                 \n"
        "movs    r4, #0                  \n"
        "movs    r5, #0                  \n"
        "mov     r8, r4                  \n"
        "mov     r9, r4                  \n"
        "1:                              \n"
        "mov     r2, r11                 \n"
        "ldmia   r2!, {r0}               \n"
        "mov     r11, r2                 \n"
        "sxtb    r6, r0                  \n"
        "lsls    r7, r0, #16             \n"
        "asrs    r7, r7, #24             \n" TWO("r8", "r4")
            TWO("r9", "r5") "lsls    r6, r0, #8              \n"
                            "asrs    r6, r6, #24             \n"
                            "asrs    r7, r0, #24             \n" TWO("r8", "r4")
                                TWO("r9", "r5") "cmp     r1, r10                 \n"
                                                "bne     1b                      \n"
                                                "ldr     r3, [sp, #16]           \n" PAIR_OF_SUMS("r8", "r4")
                                                    PAIR_OF_SUMS("r9",
                                                                 "r5") "pop     {r4-r7}                 \n"
                                                                       "mov     r8, r4                  \n"
                                                                       "mov     r9, r5                  \n"
                                                                       "mov     r10, r6                 \n"
                                                                       "mov     r11, r7                 \n"
                                                                       "pop     {r3-r7, pc}             \n");
}

#else

/* The sums of two pixels: of the words as they are, and of their upper halves to nearest. */
typedef struct {
    uint32_t whole;
    int32_t upper;
} pair_sums;

LP_INLINE void add_two(pair_sums *sums, const int32_t *inputs, int32_t weight, int32_t next_weight) {
    const int32_t products = weight * inputs[0] + next_weight * inputs[1];
    sums->whole += (uint32_t)products;
    sums->upper += (products + 0x8000) >> 16;
}

LP_INLINE void store(const pair_sums *from, int32_t *sums) {
    sums[0] = (int32_t)(from->whole - ((uint32_t)from->upper << 16));
    sums[1] = from->upper;
}

void lp_dot_pairs(const int8_t *weights, const int32_t *inputs, int32_t fours, int32_t *sums) {
    const int8_t *const end = weights + 4 * fours;
    pair_sums first = {0, 0};
    pair_sums second = {0, 0};
    for (; weights != end; weights += 4, inputs += 8) {
        add_two(&first, inputs, weights[0], weights[1]);
        add_two(&second, inputs + 2, weights[0], weights[1]);
        add_two(&first, inputs + 4, weights[2], weights[3]);
        add_two(&second, inputs + 6, weights[2], weights[3]);
    }
    store(&first, sums);
    store(&second, sums + 2);
}

#endif
