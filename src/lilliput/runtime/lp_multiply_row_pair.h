/* The inner loop of lp_fully_connected_packed_pairs_s8(), for weights of LP_BITS bits. */
#include "lp_row_lanes.h"

#if LP_THUMB_1

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(lp_row_pair, field) == (offset)                 \
                                              ? 1                                                            \
                                              : -1] LP_THUMB_1_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(inputs, 4);
CHECK_OFFSET(bytes, 8);
CHECK_OFFSET(first_bytes, 12);
CHECK_OFFSET(segment_bytes, 16);
CHECK_OFFSET(sums, 20);

/* An input in `input`, whose weights lie `index` behind the word's first ones. */
#define PRODUCT(bits, index, input)                                                                          \
    "lsrs    r2, r1, #" bits "*" index "         \n"                                                         \
    "ands    r2, r2, r7              \n"                                                                     \
    "muls    r2, " input ", r2         \n"                                                                   \
    "adds    r6, r6, r2              \n"
#define FIRST_PRODUCT(input)                                                                                 \
    "movs    r2, r1                  \n"                                                                     \
    "ands    r2, r2, r7              \n"                                                                     \
    "muls    r2, " input ", r2         \n"                                                                   \
    "adds    r6, r6, r2              \n"
#define TAKE_INPUTS "ldmia   r0!, {r3, r4}           \n"
#define TAKE_INPUT "ldmia   r0!, {r3}               \n"
#define TAKE_WEIGHTS "ldmia   r5!, {r1}               \n"
/* Two inputs whose weights lie so far behind the word's first ones. */
#define PAIR(bits, first, second) TAKE_INPUTS PRODUCT(bits, first, "r3") PRODUCT(bits, second, "r4")
#define FIRST_PAIR(bits) TAKE_WEIGHTS TAKE_INPUTS FIRST_PRODUCT("r3") PRODUCT(bits, "1", "r4")

/* Inputs for two outputs: eight in 49 to 51 cycles, by one or three bits sixteen in 93 and 113. */
#if LP_BITS == 1
#define MASK "1"
#define STEP                                                                                                 \
    FIRST_PAIR("1")                                                                                          \
    PAIR("1", "2", "3")                                                                                      \
    PAIR("1", "4", "5")                                                                                      \
    PAIR("1", "6", "7")                                                                                      \
    PAIR("1", "8", "9")                                                                                      \
    PAIR("1", "10", "11")                                                                                    \
    PAIR("1", "12", "13")                                                                                    \
    PAIR("1", "14", "15")
#elif LP_BITS == 2
#define MASK "3"
#define STEP                                                                                                 \
    FIRST_PAIR("2")                                                                                          \
    PAIR("2", "2", "3")                                                                                      \
    PAIR("2", "4", "5")                                                                                      \
    PAIR("2", "6", "7")
#elif LP_BITS == 3
#define MASK "7"
#define FIVE(word)                                                                                           \
    "ldr     r1, [r5, #" word "]              \n" PAIR("1", "1", "4") PAIR("1", "7", "10")                   \
        TAKE_INPUT PRODUCT("1", "13", "r3")
#define STEP                                                                                                 \
    FIVE("0")                                                                                                \
    FIVE("4")                                                                                                \
    FIVE("8")                                                                                                \
    "ldmia   r5!, {r1, r2, r3}       \n"                                                                     \
    "mov     r4, lr                  \n"                                                                     \
    "ands    r1, r1, r4              \n"                                                                     \
    "ands    r2, r2, r4              \n"                                                                     \
    "ands    r3, r3, r4              \n"                                                                     \
    "lsls    r2, r2, #1              \n"                                                                     \
    "lsls    r3, r3, #2              \n"                                                                     \
    "orrs    r1, r1, r2              \n"                                                                     \
    "orrs    r1, r1, r3              \n" TAKE_INPUT "muls    r1, r3, r1              \n"                     \
    "adds    r6, r6, r1              \n"
#else
#define MASK "15"
#define FOUR                                                                                                 \
    FIRST_PAIR("4")                                                                                          \
    PAIR("4", "2", "3")
#define STEP FOUR FOUR
#endif

/* r0 inputs, r1 weights, r3 and r4 two inputs, r5 where the next weights lie, r6 lanes, r7 mask, r8 where
 * weights end, r9 where the segment ends, r10 its bytes, r11 and r12 sums, lr the lowest bit of both lanes.
 */
LP_THUMB_1_NAKED static void multiply_row_pair(lp_row_pair *rows LP_THUMB_1_UNUSED) {
    __asm__ volatile(".syntax unified                 \n"
                     "push    {r4-r7, lr}             \n"
                     "mov     r4, r8                  \n"
                     "mov     r5, r9                  \n"
                     "mov     r6, r10                 \n"
                     "mov     r7, r11                 \n"
                     "push    {r0, r4-r7}             \n"
                     "ldr     r5, [r0, #0]            \n"
                     "ldr     r2, [r0, #8]            \n"
                     "ldr     r3, [r0, #12]           \n"
                     "ldr     r4, [r0, #16]           \n"
                     "ldr     r0, [r0, #4]            \n"
                     "adds    r2, r2, r5              \n"
                     "adds    r3, r3, r5              \n"
                     "mov     r8, r2                  \n"
                     "mov     r9, r3                  \n"
                     "mov     r10, r4                 \n"
                     "movs    r1, #0                  \n"
                     "mov     r11, r1                 \n"
                     "mov     r12, r1                 \n"
                     "movs    r1, #1                  \n"
                     "lsls    r7, r1, #16             \n"
                     "orrs    r7, r7, r1              \n"
                     "mov     lr, r7                  \n"
                     "movs    r1, #" MASK "             \n"
                     "lsls    r7, r1, #16             \n"
                     "orrs    r7, r7, r1              \n"
                     "1:                              \n"
                     "movs    r6, #0                  \n"
                     "2:                              \n" STEP "cmp     r5, r9                  \n"
                     "bne     2b                      \n"
                     "uxth    r1, r6                  \n"
                     "lsrs    r6, r6, #16             \n"
                     "add     r11, r1                 \n"
                     "add     r12, r6                 \n"
                     "add     r9, r10                 \n"
                     "cmp     r5, r8                  \n"
                     "bne     1b                      \n"
                     "pop     {r0}                    \n"
                     "str     r5, [r0, #0]            \n"
                     "mov     r1, r11                 \n"
                     "mov     r2, r12                 \n"
                     "str     r1, [r0, #20]           \n"
                     "str     r2, [r0, #24]           \n"
                     "pop     {r4-r7}                 \n"
                     "mov     r8, r4                  \n"
                     "mov     r9, r5                  \n"
                     "mov     r10, r6                 \n"
                     "mov     r11, r7                 \n"
                     "pop     {r4-r7, pc}             \n");
}

#else

/* The products of the inputs from `index` on, four of those that share a word. */
LP_INLINE uint32_t four_products(uint32_t packed, int32_t index, const uint32_t *inputs) {
    const uint32_t mask = ((1u << LP_BITS) - 1) * 0x00010001u;
    packed >>= LP_BITS * index;
    inputs += index;
    return (packed & mask) * inputs[0] + (packed >> LP_BITS & mask) * inputs[1] +
           (packed >> 2 * LP_BITS & mask) * inputs[2] + (packed >> 3 * LP_BITS & mask) * inputs[3];
}

#if LP_BITS == 3

/* Five products, of the last of three words also the sixteenth one, of the bits 0 of all. */
LP_INLINE uint32_t word_products(const uint32_t *weights, int32_t left, const uint32_t *inputs) {
    const uint32_t lowest = 0x00010001u;
    uint32_t lanes = four_products(*weights >> 1, 0, inputs) + (*weights >> 13 & 7 * lowest) * inputs[4];
    if (left % 3 == 1) {
        lanes +=
            ((weights[-2] & lowest) | (weights[-1] & lowest) << 1 | (weights[0] & lowest) << 2) * inputs[5];
    }
    return lanes;
}

#else

LP_INLINE uint32_t word_products(const uint32_t *weights, int32_t left, const uint32_t *inputs) {
    uint32_t lanes = 0;
    (void)left;
    for (int32_t index = 0; index < 16 / LP_BITS; index += 4) {
        lanes += four_products(*weights, index, inputs);
    }
    return lanes;
}

#endif

static void multiply_row_pair(lp_row_pair *rows) {
    const uint32_t *weights = rows->weights;
    const uint32_t *inputs = rows->inputs;
    uint32_t lower = 0;
    uint32_t upper = 0;
    int32_t bytes = rows->first_bytes;
    for (int32_t left = rows->bytes; left > 0; left -= bytes, bytes = rows->segment_bytes) {
        uint32_t lanes = 0;
        for (int32_t words = bytes / 4; words > 0; words--, weights++) {
            lanes += word_products(weights, words, inputs);
            inputs += 16 / LP_BITS + (LP_BITS == 3 && words % 3 == 1);
        }
        lower += lanes & 0xFFFF;
        upper += lanes >> 16;
    }
    rows->weights = weights;
    rows->sums[0] = lower;
    rows->sums[1] = upper;
}

#endif
