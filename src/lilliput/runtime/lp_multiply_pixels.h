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

#if LP_BITS == 2
#define TAKE_WEIGHTS                                                                                         \
    "ldrh    r1, [r7]                \n"                                                                     \
    "adds    r7, r7, #2              \n"
#define EIGHT_SHIFT "1" /* of the bytes of eight weights */
#define INPUT(index) "lsls    r2, r1, #30-2*" index "    \n" PRODUCTS("2")
#define LAST_INPUT INPUT("7")
#else
#define TAKE_WEIGHTS "ldmia   r7!, {r1}               \n"
#define EIGHT_SHIFT "2"
#define INPUT(index) "lsls    r2, r1, #28-4*" index "    \n" PRODUCTS("4")
#define LAST_INPUT "movs    r2, r1                  \n" PRODUCTS("4")
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
 * sums, r2 mask, r3 bits.  Eight inputs take about 125 cycles. */
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
                     "lsls    r2, r2, #" EIGHT_SHIFT "            \n"
                     "adds    r2, r2, r0              \n"
                     "mov     r12, r2                 \n"
                     "movs    r7, r0                  \n"
                     "movs    r0, r1                  \n"
                     "1:                              \n" TAKE_WEIGHTS INPUT("0") INPUT("1") INPUT("2")
                         INPUT("3") INPUT("4") INPUT("5") INPUT("6") LAST_INPUT
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
        uint32_t packed = 0;
        for (int32_t byte = 0; byte < LP_BITS; byte++) {
            packed |= (uint32_t)*weights++ << 8 * byte;
        }
        for (const uint32_t *end = inputs + 8 * LP_LANE_WORDS; inputs != end; inputs += 2 * LP_LANE_WORDS) {
            const uint32_t weight = (uint32_t)((int32_t)(packed << (32 - LP_BITS)) >> (32 - LP_BITS));
            const uint32_t next = (uint32_t)((int32_t)(packed << (32 - 2 * LP_BITS)) >> (32 - LP_BITS));
            packed >>= 2 * LP_BITS;
            first += weight * inputs[0] + next * inputs[4];
            second += weight * inputs[1] + next * inputs[5];
            third += weight * inputs[2] + next * inputs[6];
            fourth += weight * inputs[3] + next * inputs[7];
        }
    }
    take_apart(sums, 0, first);
    take_apart(sums, 1, second);
    take_apart(sums, 2, third);
    take_apart(sums, 3, fourth);
}

#endif
