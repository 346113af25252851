/* Matrix times vector, eight rows at a time, by those inputs only that are not zero.
 *
 * For inputs that a ReLU leaves at a zero point of -128: half of them and more say nothing, and neither their
 * products nor their weights are asked for.  Those that say something are listed once, in halfwords: the
 * input's place times 256, plus what it is above -128.  Pairs of them fill words; a word of zero ends the
 * list.
 *
 * Weights of eight rows lie together, input by input: for rows 0, 1, then 2, 3 and so on a halfword of
 * 256 * first + second, each within a line of flash.  Products of whole halfwords and of their low bytes are
 * summed side by side.  The difference is 256 times the sum of the first row: 256 inputs of 255 times halves
 * of at most 127 * 257 fit 32 bits.
 */
#ifndef LP_FULLY_CONNECTED_SPARSE_DSP_H
#define LP_FULLY_CONNECTED_SPARSE_DSP_H

#include "lp_fully_connected_outputs.h"

#define BLOCK_ROWS 8

#if LP_DSP

/* 2 for each byte that is not zero. */
LP_INLINE uint32_t twos_of_nonzero(uint32_t bytes) {
    uint32_t twos;
    __asm__("uadd8 %0, %1, %2\n\tsel %0, %3, %4"
            : "=&r"(twos)
            : "r"(bytes), "r"(0xFFFFFFFFu), "r"(0x02020202u), "r"(0));
    return twos;
}

LP_INLINE uint16_t *behind(uint16_t *list, uint32_t bytes) {
    return (uint16_t *)(void *)((uint8_t *)list + (bytes & 0xFFu));
}

#endif

/* Appends inputs; returns the end of the list. */
LP_INLINE uint16_t *append(uint16_t *list, const int8_t *input, int32_t inputs) {
    int32_t i = 0;
#if LP_DSP
    for (uint32_t place = 0; i < inputs - 3; i += 4, place += 4 * 256) {
        const uint32_t above = lp_load_4(input + i) ^ 0x80808080u;
        const uint32_t twos = twos_of_nonzero(above);
        *list = (uint16_t)(place + (above & 0xFFu));
        list = behind(list, twos);
        *list = (uint16_t)(place + 256 + (above >> 8 & 0xFFu));
        list = behind(list, twos >> 8);
        *list = (uint16_t)(place + 512 + (above >> 16 & 0xFFu));
        list = behind(list, twos >> 16);
        *list = (uint16_t)(place + 768 + (above >> 24));
        list = behind(list, twos >> 24);
    }
#endif
    for (; i < inputs; i++) {
        if (input[i] > -128) {
            *list++ = (uint16_t)(256 * i + input[i] + 128);
        }
    }
    return list;
}

/* The list as the assembly reads it: in pairs, of which the last may hold a zero, and a word of zero. */
LP_INLINE void make_list(uint16_t *list, const int8_t *input, int32_t inputs) {
    uint16_t *end = append(list, input, inputs);
    if ((end - list) % 2) {
        *end = (uint16_t)(end[-1] & 0xFF00u);
        end++;
    }
    end[0] = end[1] = 0;
}

#if LP_DSP

/* Four rows, whose weights `low` and `high` hold halves of, times the pair of inputs in r2. */
#define PRODUCTS(low, high, first, third, second, fourth)                                                    \
    "smlad   " first ", " low ", r2, " first "\n"                                                            \
    "smlad   " third ", " high ", r2, " third "\n"                                                           \
    "sxtb16  " low ", " low "                \n"                                                             \
    "sxtb16  " high ", " high "              \n"                                                             \
    "smlad   " second ", " low ", r2, " second "\n"                                                          \
    "smlad   " fourth ", " high ", r2, " fourth "\n"

/* A pair of inputs times eight rows, then the next pair: 16 products, 30 cycles.  Words of both inputs
 * exchange halves, the first two of them without a free register; that of the weights' address serves too. */
#define PAIR                                                                                                 \
    "ubfx    r3, r2, #8, #8                  \n"                                                             \
    "lsr.w   r12, r2, #24                    \n"                                                             \
    "add.w   r3, r0, r3, lsl #3              \n"                                                             \
    "add.w   r12, r0, r12, lsl #3            \n"                                                             \
    "uxtb16  r2, r2                          \n"                                                             \
    "ldr.w   lr, [r3]                        \n"                                                             \
    "ldr.w   r0, [r12]                       \n"                                                             \
    "ldr     r3, [r3, #4]                    \n"                                                             \
    "ldr.w   r12, [r12, #4]                  \n"                                                             \
    "eor.w   lr, lr, r0, lsl #16             \n"                                                             \
    "eor.w   r0, r0, lr, lsr #16             \n"                                                             \
    "eor.w   lr, lr, r0, lsl #16             \n" PRODUCTS(                                                   \
        "lr", "r0", "r4", "r5", "r6", "r7") "pkhbt   lr, r3, r12, lsl #16            \n"                     \
                                            "pkhtb   r12, r12, r3, asr #16           \n" PRODUCTS(           \
                                                "lr", "r12", "r8", "r9", "r10",                              \
                                                "r11") "ldr     r0, [sp, #0]                    \n"          \
                                                       "ldr     r2, [r1], #4                    \n"

/* Sums of four rows become bytes of a word: `first`. */
#define FOUR_OUTPUTS(first, third, second, fourth)                                                           \
    LOAD_BIASES("r2", "r3", "r12", "lr", "r0")                                                               \
    "sub.w   " first ", " first ", " second "\n"                                                             \
    "sub.w   " third ", " third ", " fourth "\n"                                                             \
    "add.w   " first ", r2, " first ", asr #8\n"                                                             \
    "add.w   " second ", " second ", r3      \n"                                                             \
    "add.w   " third ", r12, " third ", asr #8\n"                                                            \
    "add.w   " fourth ", " fourth                                                                            \
    ", lr      \n" TO_BYTES(first, second, third, fourth, "r2", "r3", "r12", "lr", "r0", "r1")

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply_row_blocks(const products *all LP_UNUSED) {
    __asm__ volatile(
        /* r0 weights of eight rows; r1 list; r2 pair of inputs; r4-r11 sums.  Stack: the structure. */
        "push    {r4-r11, lr}                    \n"
        "sub     sp, sp, #60                     \n"
        /* clang-format off */
        COPY_STRUCTURE
        "str     r2, [sp, #48]                   \n"
        "1:                                      \n"
        "ldr     r1, [sp, #44]                   \n"
        "ldr     r0, [sp, #0]                    \n"
        "ldr     r2, [r1], #4                    \n"
        "movs    r4, #0                          \n"
        "movs    r5, #0                          \n"
        "movs    r6, #0                          \n"
        "movs    r7, #0                          \n"
        "mov.w   r8, #0                          \n"
        "mov.w   r9, #0                          \n"
        "mov.w   r10, #0                         \n"
        "mov.w   r11, #0                         \n"
        "cmp     r2, #0                          \n"
        "beq     3f                              \n"
        "2:                                      \n"
        PAIR
        "cbz     r2, 3f                          \n"
        PAIR
        "cmp     r2, #0                          \n"
        "bne     2b                              \n"
        "3:                                      \n"
        "ldr     r1, [sp, #48]                   \n"
        "add     r0, r0, r1                      \n"
        "str     r0, [sp, #0]                    \n"
        FOUR_OUTPUTS("r4", "r5", "r6", "r7")
        FOUR_OUTPUTS("r8", "r9", "r10", "r11")
        "ldr     r0, [sp, #16]                   \n"
        "ldr     r1, [sp, #20]                   \n"
        "ldr     r2, [sp, #28]                   \n"
        "cmp     r2, #0                          \n"
        "bne     5f                              \n"
        "4:                                      \n"
        "strd    r4, r8, [r0], #8                \n"
        "cmp     r0, r1                          \n"
        "str     r0, [sp, #16]                   \n"
        "bne     1b                              \n"
        "add     sp, sp, #60                     \n"
        "pop     {r4-r11, pc}                    \n"
        "5:                                      \n"
        "ldr     r2, [sp, #32]                   \n"
        "ldr     r3, [sp, #36]                   \n"
        LIMIT("r4", "r2", "r3", "r5")
        LIMIT("r8", "r2", "r3", "r5")
        /* clang-format on */
        "b       4b                              \n");
}

#else

/* Sum of products of the row whose first weight, half of a halfword, is at `weights`. */
static int32_t multiply_row(const uint16_t *list, const int8_t *weights, int32_t is_first) {
    int32_t sum = 0;
    for (; *list & 0xFFu; list++) {
        const int8_t *const halves = weights + BLOCK_ROWS * (*list >> 8);
        sum += (is_first ? halves[1] + (halves[0] < 0) : halves[0]) * (*list & 0xFF);
    }
    return sum;
}

static void multiply_row_blocks(const products *all) {
    const int8_t *block = all->weights;
    for (int32_t unit = 0; all->output + unit != all->end; unit += BLOCK_ROWS, block += all->length) {
        for (int32_t row = 0; row < BLOCK_ROWS; row++) {
            const int8_t *const weights = block + row / 2 * 2;
            const int32_t sum = multiply_row((const uint16_t *)all->inputs, weights, row % 2 == 0);
            all->output[unit + row] = output_of(all, unit + row, sum);
        }
    }
}

#endif

LP_INLINE void fully_connected_sparse_dsp(const lp_fully_connected_dsp_params *params, const int8_t *input,
                                          int8_t *output, void *scratch) {
    products all;
    prepare(&all, params, output, params->outputs);
    all.inputs = scratch;
    all.length = BLOCK_ROWS * params->inputs;
    make_list((uint16_t *)scratch, input, params->inputs);
    multiply_row_blocks(&all);
}

#endif
