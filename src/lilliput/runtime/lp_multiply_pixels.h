/* The inner loop of lp_conv2d_packed_pixels_s8(), for weights of LP_BITS bits. */
#include "lp_pixel_lanes.h"

#if LP_THUMB_1

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_lane_sums, field) == (offset)                \
                                              ? 1                                                            \
                                              : -1] LP_THUMB_1_UNUSED
CHECK_OFFSET(start, 0);
CHECK_OFFSET(mask, 4);
CHECK_OFFSET(bits, 8);
CHECK_OFFSET(sums, 12);

/* The products of an input with the weight at the upper end of r2: 14 cycles. */
#define PRODUCTS(bits)                                                                                       \
    "asrs    r2, r2, #32-" bits "    \n"                                                                     \
    "ldmia   r0!, {r3-r6}            \n"                                                                     \
    "muls    r3, r2, r3              \n"                                                                     \
    "muls    r4, r2, r4              \n"                                                                     \
    "muls    r5, r2, r5              \n"                                                                     \
    "muls    r6, r2, r6              \n"                                                                     \
    "add     r8, r3                  \n"                                                                     \
    "add     r9, r4                  \n"                                                                     \
    "add     r10, r5                 \n"                                                                     \
    "add     r11, r6                 \n"

/* The products of an input with the weight at bit `at` of r1, or at its upper end. */
#define INPUT(bits, at) "lsls    r2, r1, #32-" bits "-" at "  \n" PRODUCTS(bits)
#define LAST_INPUT(bits) "movs    r2, r1                  \n" PRODUCTS(bits)

#define TWO_INPUTS(bits, first, second) INPUT(bits, first) INPUT(bits, second)
#define FOUR_INPUTS(bits, first, second, third, fourth)                                                      \
    TWO_INPUTS(bits, first, second)                                                                          \
    TWO_INPUTS(bits, third, fourth)

/* Weights, which are not aligned to words, to r1: two, three or four bytes, two halfwords. */
#define TAKE_TWO_BYTES(first, second)                                                                        \
    "ldrb    r1, [r7, #" first "]             \n"                                                            \
    "ldrb    r2, [r7, #" second "]            \n"                                                            \
    "lsls    r2, r2, #8              \n"                                                                     \
    "orrs    r1, r1, r2              \n"
#define TAKE_THREE_BYTES(first, second, third)                                                               \
    TAKE_TWO_BYTES(first, second)                                                                            \
    "ldrb    r2, [r7, #" third "]             \n"                                                            \
    "lsls    r2, r2, #16             \n"                                                                     \
    "orrs    r1, r1, r2              \n"
#define TAKE_FOUR_BYTES(first, second, third, fourth)                                                        \
    TAKE_THREE_BYTES(first, second, third)                                                                   \
    "ldrb    r2, [r7, #" fourth "]            \n"                                                            \
    "lsls    r2, r2, #24             \n"                                                                     \
    "orrs    r1, r1, r2              \n"
#define TAKE_TWO_HALVES(first, second)                                                                       \
    "ldrh    r1, [r7, #" first "]             \n"                                                            \
    "ldrh    r2, [r7, #" second "]            \n"                                                            \
    "lsls    r2, r2, #16             \n"                                                                     \
    "orrs    r1, r1, r2              \n"

#if LP_BITS == 2
#define BITS "2"
#define NEXT_WEIGHTS "adds    r7, r7, #2              \n"
#define EIGHT                                                                                                \
    "ldrh    r1, [r7]                \n" FOUR_INPUTS("2", "0", "2", "4", "6")                                \
        FOUR_INPUTS("2", "8", "10", "12", "14")
#elif LP_BITS == 3
#define BITS "3"
#define NEXT_WEIGHTS "adds    r7, r7, #3              \n"
#define EIGHT                                                                                                \
    TAKE_THREE_BYTES("0", "1", "2")                                                                          \
    FOUR_INPUTS("3", "0", "3", "6", "9")                                                                     \
    FOUR_INPUTS("3", "12", "15", "18", "21")
#elif LP_BITS == 4
#define BITS "4"
#define NEXT_WEIGHTS
#define EIGHT                                                                                                \
    "ldmia   r7!, {r1}               \n" FOUR_INPUTS("4", "0", "4", "8", "12") TWO_INPUTS("4", "16", "20")   \
        INPUT("4", "24") LAST_INPUT("4")
#elif LP_BITS == 5
#define BITS "5"
#define NEXT_WEIGHTS "adds    r7, r7, #5              \n"
#define EIGHT                                                                                                \
    TAKE_FOUR_BYTES("0", "1", "2", "3")                                                                      \
    FOUR_INPUTS("5", "0", "5", "10", "15")                                                                   \
    TWO_INPUTS("5", "20", "25")                                                                              \
    TAKE_TWO_BYTES("3", "4")                                                                                 \
    TWO_INPUTS("5", "6", "11")
#elif LP_BITS == 6
#define BITS "6"
#define NEXT_WEIGHTS "adds    r7, r7, #6              \n"
#define EIGHT                                                                                                \
    TAKE_TWO_HALVES("0", "2")                                                                                \
    FOUR_INPUTS("6", "0", "6", "12", "18")                                                                   \
    INPUT("6", "24")                                                                                         \
    TAKE_TWO_HALVES("2", "4")                                                                                \
    TWO_INPUTS("6", "14", "20")                                                                              \
    LAST_INPUT("6")
#else
#define BITS "7"
#define NEXT_WEIGHTS "adds    r7, r7, #7              \n"
#define EIGHT                                                                                                \
    TAKE_FOUR_BYTES("0", "1", "2", "3")                                                                      \
    FOUR_INPUTS("7", "0", "7", "14", "21")                                                                   \
    TAKE_FOUR_BYTES("3", "4", "5", "6")                                                                      \
    TWO_INPUTS("7", "4", "11")                                                                               \
    INPUT("7", "18")                                                                                         \
    LAST_INPUT("7")
#endif

/* The lanes of a word: 14 cycles. */
#define TAKE_APART(total)                                                                                    \
    "mov     r4, " total "           \n"                                                                     \
    "ldr     r5, [r0]                \n"                                                                     \
    "ldr     r6, [r0, #4]            \n"                                                                     \
    "movs    r1, r4                  \n"                                                                     \
    "lsrs    r4, r3                  \n"                                                                     \
    "ands    r1, r2                  \n"                                                                     \
    "ands    r4, r2                  \n"                                                                     \
    "adds    r5, r5, r1              \n"                                                                     \
    "adds    r6, r6, r4              \n"                                                                     \
    "stmia   r0!, {r5, r6}           \n"

/* r0 inputs, r1 eight weights, r7 where the next ones lie, r12 where they end, r8 to r11 lanes; in the end r0
 * sums, r2 mask, r3 bits.  Eight inputs take 125 (4 bits) to 152 cycles (7). */
LP_THUMB_1_NAKED static void multiply_pixels(const uint8_t *weights LP_THUMB_1_UNUSED,
                                             const uint32_t *inputs LP_THUMB_1_UNUSED,
                                             int32_t eights LP_THUMB_1_UNUSED,
                                             lp_lane_sums *sums LP_THUMB_1_UNUSED) {
    __asm__ volatile(".syntax unified                 \n"
                     "push    {r3-r7, lr}             \n"
                     "mov     r4, r8                  \n"
                     "mov     r5, r9                  \n"
                     "mov     r6, r10                 \n"
                     "mov     r7, r11                 \n"
                     "push    {r4-r7}                 \n"
                     "ldr     r3, [r3]                \n"
                     "mov     r8, r3                  \n"
                     "mov     r9, r3                  \n"
                     "mov     r10, r3                 \n"
                     "mov     r11, r3                 \n"
                     "movs    r3, #" BITS "                \n"
                     "muls    r2, r3, r2              \n"
                     "adds    r2, r2, r0              \n"
                     "mov     r12, r2                 \n"
                     "movs    r7, r0                  \n"
                     "movs    r0, r1                  \n"
                     "1:                              \n" EIGHT NEXT_WEIGHTS
                     "cmp     r7, r12                 \n"
                     "bne     1b                      \n"
                     "ldr     r0, [sp, #16]           \n"
                     "ldmia   r0!, {r1-r3}            \n" TAKE_APART("r8") TAKE_APART("r9") TAKE_APART("r10")
                         TAKE_APART("r11") "pop     {r4-r7}                 \n"
                                           "mov     r8, r4                  \n"
                                           "mov     r9, r5                  \n"
                                           "mov     r10, r6                 \n"
                                           "mov     r11, r7                 \n"
                                           "pop     {r3-r7, pc}             \n");
}

#else

LP_INLINE void take_apart(lp_lane_sums *sums, int32_t word, uint32_t lanes) {
    sums->sums[2 * word] += lanes & sums->mask;
    sums->sums[2 * word + 1] += lanes >> sums->bits & sums->mask;
}

static void multiply_pixels(const uint8_t *weights, const uint32_t *inputs, int32_t eights,
                            lp_lane_sums *sums) {
    uint32_t first = sums->start, second = first, third = first, fourth = first;
    for (; eights > 0; eights--) {
        for (int32_t half = 0; half < 2; half++) { /* four weights each */
            uint32_t packed = 0;
            for (int32_t byte = 0; byte < (LP_BITS + 1) / 2; byte++) {
                packed |= (uint32_t)weights[byte + half * (LP_BITS / 2)] << 8 * byte;
            }
            packed >>= half * (LP_BITS % 2) * 4;
            for (const uint32_t *end = inputs + 4 * LP_LANE_WORDS; inputs != end;
                 inputs += 2 * LP_LANE_WORDS) {
                const uint32_t weight = (uint32_t)((int32_t)(packed << (32 - LP_BITS)) >> (32 - LP_BITS));
                const uint32_t next = (uint32_t)((int32_t)(packed << (32 - 2 * LP_BITS)) >> (32 - LP_BITS));
                packed >>= 2 * LP_BITS;
                first += weight * inputs[0] + next * inputs[4];
                second += weight * inputs[1] + next * inputs[5];
                third += weight * inputs[2] + next * inputs[6];
                fourth += weight * inputs[3] + next * inputs[7];
            }
        }
        weights += LP_BITS;
    }
    take_apart(sums, 0, first);
    take_apart(sums, 1, second);
    take_apart(sums, 2, third);
    take_apart(sums, 3, fourth);
}

#endif
