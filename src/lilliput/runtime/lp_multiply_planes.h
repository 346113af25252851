/* The inner loop of lp_fully_connected_planes_dsp_s8(), for weights of LP_BITS bits: they meet inputs with
 * what was added to them, so that nothing has to be taken off but once a row. */
#include "lp_dsp.h"
#include "lp_planes.h"

/* Four weights with what was added to them, from the lowest bits of planes. */
LP_INLINE uint32_t raised_word(uint32_t four, uint32_t two, uint32_t one) {
    uint32_t fields = LP_BITS & 1 ? (one & 0x01010101u) << (LP_BITS == 1) : 0;
    fields |= LP_BITS & 2 ? (two & 0x03030303u) << (LP_BITS & 1) : 0;
    fields |= LP_BITS & 4 ? (four & 0x0F0F0F0Fu) << (LP_BITS & 3) : 0;
    return fields;
}

#define RAISED(i, words)                                                                                     \
    raised_word(LP_BITS & 4 ? FOURS[(i) / 2] >> 4 * ((i) % 2) : 0,                                           \
                LP_BITS & 2 ? TWOS(words)[(i) / 4] >> 2 * ((i) % 4) : 0,                                     \
                LP_BITS & 1 ? *ONES(words) >> (i) : 0)

/* Adds the products of four weights, of which those behind `count` inputs are 0. */
LP_INLINE int32_t add_four(int32_t sum, uint32_t raised, const int8_t *inputs, int32_t count) {
#if LP_DSP
    const uint32_t bytes = lp_load_4(inputs);
    (void)count;
    sum = lp_multiply_pairs(lp_even_fields(raised), lp_even_bytes(bytes), sum);
    return lp_multiply_pairs(lp_odd_fields(raised), lp_odd_bytes(bytes), sum);
#else
    for (; count > 0; count--, raised >>= 8) {
        sum += (int32_t)(raised & 0xFF) * *inputs++;
    }
    return sum;
#endif
}

#if LP_DSP

/* A plane's part of a word goes to r12 where it is the first, else below what is there. */
#define FIRST(plane, shift) "and.w   r12, " plane shift "     \n"
#define BELOW(plane, shift, bits)                                                                            \
    "and.w   lr, " plane shift "              \n"                                                            \
    "orr.w   r12, lr, r12, lsl #" bits "     \n"

#if LP_BITS & 4
#define TAKE_FOURS(word) "ldr.w   r7, [r0, #4*" word "]             \n"
#define TWOS_AT "4"
#define FOUR(shift) FIRST("r4, r7", shift)
#else
#define TAKE_FOURS(word)
#define TWOS_AT "0"
#define FOUR(shift)
#endif

#if LP_BITS & 2
#define TAKE_TWOS(word) "ldr.w   r8, [r0, #4*(" TWOS_AT "+" word ")]     \n"
#define ONES_AT TWOS_AT "+2"
#else
#define TAKE_TWOS(word)
#define ONES_AT TWOS_AT
#endif
#if (LP_BITS & 6) == 6
#define TWO(shift) BELOW("r5, r8", shift, "2")
#elif LP_BITS & 2
#define TWO(shift) FIRST("r5, r8", shift)
#else
#define TWO(shift)
#endif

#if LP_BITS & 1
#define TAKE_ONES "ldr.w   r9, [r0, #4*(" ONES_AT ")]         \n"
#define NEXT_WEIGHTS "adds    r0, #4*(" ONES_AT "+1)               \n"
#else
#define TAKE_ONES
#define NEXT_WEIGHTS "adds    r0, #4*(" ONES_AT ")                 \n"
#endif
#if LP_BITS == 1
#define ONE(shift) FIRST("r6, r9", shift)
#define RESULT "lsls    r0, r3, #1                      \n"
#else
#define RESULT "mov     r0, r3                          \n"
#if LP_BITS & 1
#define ONE(shift) BELOW("r6, r9", shift, "1")
#else
#define ONE(shift)
#endif
#endif

#define TAKE_INPUTS(first, second)                                                                           \
    "ldr.w   r10, [r1, #" first "]           \n"                                                             \
    "ldr.w   r11, [r1, #" second "]          \n"
#define PRODUCTS(input)                                                                                      \
    "sxtb16  r2, " input "                   \n"                                                             \
    "uxtb16  lr, r12                         \n"                                                             \
    "smlad   r3, lr, r2, r3                  \n"                                                             \
    "sxtb16  r2, " input ", ror #8           \n"                                                             \
    "uxtb16  r12, r12, ror #8                \n"                                                             \
    "smlad   r3, r12, r2, r3                 \n"

/* The sum of all products with inputs up to `end`, a multiple of 32 and not none of them.
 *
 * r0 weights, r1 inputs, r3 sum, r4 to r6 masks of planes, r7 to r9 words of them, r10 and r11 inputs, r12
 * four weights; on the stack where inputs end.  32 products take 77 (1 bit) to 115 cycles (7). */
LP_NAKED static int32_t multiply_eights(const uint32_t *weights LP_UNUSED, const int8_t *inputs LP_UNUSED,
                                        const int8_t *end LP_UNUSED) {
    __asm__ volatile(
        "push    {r2, r4-r11, lr}                \n"
        "mov.w   r4, #0x0F0F0F0F                 \n"
        "mov.w   r5, #0x03030303                 \n"
        "mov.w   r6, #0x01010101                 \n"
        "movs    r3, #0                          \n"
        "1:                                      \n"
        /* clang-format off */
        TAKE_ONES TAKE_TWOS("0") TAKE_FOURS("0") TAKE_INPUTS("0", "4")
        FOUR("") TWO("") ONE("") PRODUCTS("r10")
        FOUR(", lsr #4") TWO(", lsr #2") ONE(", lsr #1") PRODUCTS("r11")
        TAKE_FOURS("1") TAKE_INPUTS("8", "12")
        FOUR("") TWO(", lsr #4") ONE(", lsr #2") PRODUCTS("r10")
        FOUR(", lsr #4") TWO(", lsr #6") ONE(", lsr #3") PRODUCTS("r11")
        TAKE_TWOS("1") TAKE_FOURS("2") TAKE_INPUTS("16", "20")
        FOUR("") TWO("") ONE(", lsr #4") PRODUCTS("r10")
        FOUR(", lsr #4") TWO(", lsr #2") ONE(", lsr #5") PRODUCTS("r11")
        TAKE_FOURS("3") TAKE_INPUTS("24", "28")
        FOUR("") TWO(", lsr #4") ONE(", lsr #6") PRODUCTS("r10")
        FOUR(", lsr #4") TWO(", lsr #6") ONE(", lsr #7") PRODUCTS("r11")
        "ldr     r2, [sp]                        \n"
        NEXT_WEIGHTS
        "adds    r1, #32                         \n"
        "cmp     r1, r2                          \n"
        "bne     1b                              \n"
        RESULT
        "pop     {r2, r4-r11, pc}                \n");
    /* clang-format on */
}

#else

static int32_t multiply_eights(const uint32_t *weights, const int8_t *inputs, const int8_t *end) {
    int32_t sum = 0;
    for (; inputs != end; weights = ONES(8) + (LP_BITS & 1)) {
        for (int32_t i = 0; i < 8; i++, inputs += 4) {
            sum = add_four(sum, RAISED(i, 8), inputs, 4);
        }
    }
    return sum;
}

#endif

LP_INLINE int32_t multiply_planes(const uint32_t *weights, const int8_t *inputs, int32_t count) {
    const int32_t rest = count % 32;
    const int32_t words = (rest + 3) / 4;
    int32_t sum = 0;
    if (count > rest) {
        const int8_t *const end = inputs + (count - rest);
        sum = multiply_eights(weights, inputs, end);
        weights += (count - rest) / 32 * LP_BITS;
        inputs = end;
    }
    for (int32_t i = 0; i < words; i++, inputs += 4) {
        sum = add_four(sum, RAISED(i, words), inputs, lp_minimum(rest - 4 * i, 4));
    }
    return sum;
}
