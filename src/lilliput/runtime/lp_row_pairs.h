/* Rows of an image, two in a word: what lp_depthwise_fours.h multiplies. */
#ifndef LP_ROW_PAIRS_H
#define LP_ROW_PAIRS_H

#include "lp_dsp.h"

/* Pairs of rows of an image, four channels of them. */
typedef struct {
    const int8_t *image;
    int32_t row; /* the upper one of the first of pairs that follow each other; rows may lie outside */
    int32_t height, row_bytes;
    int32_t step;          /* from column to column */
    const int8_t *outside; /* four channels of whatever lies outside */
    int32_t *to;
    int32_t to_skip; /* bytes from behind the last column to the next pair */
    int32_t columns; /* at least 1 */
    int32_t count;   /* of pairs, at least 1 */
} lp_row_pairs;

/* Two numbers of 16 bits in one word. */
LP_INLINE int32_t pair_of(int32_t low, int32_t high) {
    return (int32_t)(((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16));
}

#if LP_DSP

#define CHECK_ROW_PAIRS(field, offset)                                                                       \
    typedef char pairs_##field##_lie_at_##offset[__builtin_offsetof(lp_row_pairs, field) == (offset)         \
                                                     ? 1                                                     \
                                                     : -1] LP_UNUSED
CHECK_ROW_PAIRS(image, 0);
CHECK_ROW_PAIRS(row, 4);
CHECK_ROW_PAIRS(height, 8);
CHECK_ROW_PAIRS(row_bytes, 12);
CHECK_ROW_PAIRS(step, 16);
CHECK_ROW_PAIRS(outside, 20);
CHECK_ROW_PAIRS(to, 24);
CHECK_ROW_PAIRS(to_skip, 28);
CHECK_ROW_PAIRS(columns, 32);
CHECK_ROW_PAIRS(count, 36);

/* Four channels of a column of two rows. */
#define PAIR_COLUMN(first, second, third, fourth)                                                            \
    "pkhbt   r8, r7, r9, lsl #16      \n"                                                                    \
    "pkhtb   r10, r9, r7, asr #16     \n"                                                                    \
    "sxtb16  r7, r8                   \n"                                                                    \
    "sxtb16  r8, r8, ror #8           \n"                                                                    \
    "sxtb16  r9, r10                  \n"                                                                    \
    "sxtb16  r10, r10, ror #8         \n"                                                                    \
    "str     r7, [r5, #" first "]     \n"                                                                    \
    "str.w   r8, [r5, #" second "]    \n"                                                                    \
    "str.w   r9, [r5, #" third "]     \n"                                                                    \
    "str.w   r10, [r5, #" fourth "]   \n"

LP_NAKED static void pair_rows(const lp_row_pairs *all LP_UNUSED) {
    __asm__ volatile(
        "push    {r4-r11, lr}             \n"
        "ldr     r5, [r0, #24]            \n"
        "ldr.w   r12, [r0, #4]            \n"
        "ldr.w   lr, [r0, #36]            \n"
        "1:                               \n" /* a pair */
        "ldr     r7, [r0, #8]             \n"
        "ldr.w   r8, [r0, #12]            \n"
        "ldr.w   r9, [r0, #0]             \n"
        "ldr.w   r10, [r0, #20]           \n"
        "ldr     r3, [r0, #16]            \n"
        "ldr     r6, [r0, #32]            \n"
        "mla     r1, r12, r8, r9          \n"
        "add.w   r2, r12, #1              \n"
        "cmp     r12, r7                  \n"
        "mov     r4, r3                   \n"
        "itt     hs                       \n"
        "movhs   r1, r10                  \n"
        "movhs   r3, #0                   \n"
        "cmp     r2, r7                   \n"
        "mla     r2, r2, r8, r9           \n"
        "itt     hs                       \n"
        "movhs   r2, r10                  \n"
        "movhs   r4, #0                   \n"
        "lsrs    r6, r6, #1               \n"
        "bcc     2f                       \n"
        "subs    r1, r1, r3               \n" /* an odd column comes first */
        "subs    r2, r2, r4               \n"
        "subs    r5, r5, #16              \n"
        "adds    r6, r6, #1               \n"
        "b       3f                       \n"
        ".balign 4                        \n"
        "2:                               \n" /* two columns */
        "ldr.w   r7, [r1]                 \n"
        "ldr.w   r9, [r2]                 \n" PAIR_COLUMN(
            "0", "4", "8", "12") "3:                               \n"
                                 "ldr.w   r7, [r1, r3]             \n"
                                 "ldr.w   r9, [r2, r4]             \n"
                                 "add.w   r1, r1, r3, lsl #1       \n"
                                 "add.w   r2, r2, r4, lsl #1       \n" PAIR_COLUMN(
                                     "16", "20", "24", "28") "adds    r5, r5, #32              \n"
                                                             "subs    r6, r6, #1               \n"
                                                             "bne     2b                       \n"
                                                             "ldr     r7, [r0, #28]            \n"
                                                             "subs.w  lr, lr, #1               \n"
                                                             "add     r5, r5, r7               \n"
                                                             "add.w   r12, r12, #2             \n"
                                                             "bne     1b                       \n"
                                                             "pop     {r4-r11, pc}             \n");
}

#else

static void pair_rows(const lp_row_pairs *all) {
    int32_t *to = all->to;
    int32_t row = all->row;
    for (int32_t i = 0; i < all->count; i++, row += 2) {
        const int8_t *rows[2] = {all->outside, all->outside};
        int32_t steps[2] = {0, 0};
        for (int32_t k = 0; k < 2; k++) {
            if (row + k >= 0 && row + k < all->height) {
                rows[k] = all->image + (row + k) * all->row_bytes;
                steps[k] = all->step;
            }
        }
        for (int32_t column = 0; column < all->columns; column++) {
            for (int32_t k = 0; k < 4; k++) {
                *to++ = pair_of(rows[0][column * steps[0] + k], rows[1][column * steps[1] + k]);
            }
        }
        to += all->to_skip / 4;
    }
}

#endif

#endif
