/* What convolutions share that take little code: output pixel by output pixel, from inputs and weights as
 * they are.
 *
 * Four channels at a time, and what is left of fours one by one.  Rows and columns of a window that lie
 * outside of the image are left out, so inputs are multiplied less their zero point.
 */
#ifndef LP_COMPACT_ASSEMBLY_H
#define LP_COMPACT_ASSEMBLY_H

#include "lp_compact.h"
#include "lp_profile.h"

#if LP_DSP

/* The assembly's view of the parameters; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_conv2d_params, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(channels, 4);
CHECK_OFFSET(input_height, 8);
CHECK_OFFSET(input_width, 10);
CHECK_OFFSET(input_channels, 12);
CHECK_OFFSET(output_height, 14);
CHECK_OFFSET(output_width, 16);
CHECK_OFFSET(output_channels, 18);
CHECK_OFFSET(kernel_height, 20);
CHECK_OFFSET(kernel_width, 22);
CHECK_OFFSET(stride_y, 24);
CHECK_OFFSET(stride_x, 26);
CHECK_OFFSET(padding_top, 32);
CHECK_OFFSET(padding_left, 34);
CHECK_OFFSET(input_zero_point, 36);
CHECK_OFFSET(output_zero_point, 37);
CHECK_OFFSET(minimum, 38);
CHECK_OFFSET(maximum, 39);
CHECK_OFFSET(shift, 40);
CHECK_OFFSET(shared_factor_bytes, 42);

#undef CHECK_OFFSET

/* Stack: 0 row and 4 column of the image under the window's first element; 8 channels and 12 how many of them
 * are to come; 16 to 44 belong to the kernel; 48 the input's zero point, negative, in both halves; 52 rows
 * and 56 columns of the output to come; 60 parameters, 64 input, 68 output. */
#define BEGIN                                                                                                \
    "push    {r0-r11, lr}                         \n"                                                        \
    "sub     sp, #60                              \n"                                                        \
    "ldrsb.w r5, [r0, #36]                        \n"                                                        \
    "negs    r5, r5                               \n"                                                        \
    "pkhbt   r5, r5, r5, lsl #16                  \n"                                                        \
    "ldrh    r6, [r0, #14]                        \n"                                                        \
    "ldrh    r4, [r0, #32]                        \n"                                                        \
    "negs    r4, r4                               \n"                                                        \
    "strd    r5, r6, [sp, #48]                    \n"                                                        \
    "str     r4, [sp, #0]                         \n"

#define BEGIN_ROW                                                                                            \
    "ldr     r0, [sp, #60]                        \n"                                                        \
    "ldrh    r5, [r0, #16]                        \n"                                                        \
    "ldrh    r4, [r0, #34]                        \n"                                                        \
    "negs    r4, r4                               \n"                                                        \
    "str     r5, [sp, #56]                        \n"                                                        \
    "str     r4, [sp, #4]                         \n"

/* The part of a window that lies in the image: where it begins there and in the window, and how long it is;
 * down in r1, r2, r3, across in r4, r5, r6, of which r6 is 0 if nothing is left.  The width of the window is
 * in r7.  Then r1 are the first inputs, r2 their weights if rows of the window are r7 pixels, r8 is the
 * input's channels and r9 its width. */
#define CLIP                                                                                                 \
    "ldr     r0, [sp, #60]                        \n"                                                        \
    "ldr     r1, [sp, #0]                         \n"                                                        \
    "ldrh    r4, [r0, #20]                        \n"                                                        \
    "ldrh    r3, [r0, #8]                         \n"                                                        \
    "rsbs    r2, r1, #0                           \n"                                                        \
    "usat    r2, #16, r2                          \n"                                                        \
    "subs    r3, r3, r1                           \n"                                                        \
    "cmp     r3, r4                               \n"                                                        \
    "it      gt                                   \n"                                                        \
    "movgt   r3, r4                               \n"                                                        \
    "subs    r3, r3, r2                           \n"                                                        \
    "usat    r3, #16, r3                          \n"                                                        \
    "add     r1, r2                               \n"                                                        \
    "ldr     r4, [sp, #4]                         \n"                                                        \
    "ldrh    r7, [r0, #22]                        \n"                                                        \
    "ldrh    r6, [r0, #10]                        \n"                                                        \
    "rsbs    r5, r4, #0                           \n"                                                        \
    "usat    r5, #16, r5                          \n"                                                        \
    "subs    r6, r6, r4                           \n"                                                        \
    "cmp     r6, r7                               \n"                                                        \
    "it      gt                                   \n"                                                        \
    "movgt   r6, r7                               \n"                                                        \
    "subs    r6, r6, r5                           \n"                                                        \
    "usat    r6, #16, r6                          \n"                                                        \
    "add     r4, r5                               \n"                                                        \
    "cmp     r3, #0                               \n"                                                        \
    "it      eq                                   \n"                                                        \
    "moveq   r6, #0                               \n"                                                        \
    "ldrh.w  r8, [r0, #12]                        \n"                                                        \
    "ldrh.w  r9, [r0, #10]                        \n"                                                        \
    "mla     r1, r1, r9, r4                       \n"                                                        \
    "ldr     r4, [sp, #64]                        \n"                                                        \
    "mla     r1, r1, r8, r4                       \n"                                                        \
    "mla     r2, r2, r7, r5                       \n"                                                        \
    "ldr     r5, [r0, #0]                         \n"                                                        \
    "mla     r2, r2, r8, r5                       \n"

/* A value from the sum in r4, the factor in r12 and lr, the zero point in r6, and 32 less the shift in r9. */
#if LP_TFLM

#define TAKE_SHIFT
#define TAKE_CHANNEL "ldmia.w r2!, {r11, r12, lr}                  \n"
#define MAKE_VALUE                                                                                           \
    "smmlar  r4, r4, r12, r4                      \n"                                                        \
    "add.w   r4, r4, r4, asr #31                  \n"                                                        \
    "smmlsr  r4, r4, lr, r6                       \n"
#else
#define TAKE_SHIFT                                                                                           \
    "ldrb.w  r9, [r0, #40]                        \n"                                                        \
    "rsb.w   r9, r9, #32                          \n"
#define TAKE_CHANNEL "ldmia.w r2!, {r11, r12}                      \n"
#define MAKE_VALUE                                                                                           \
    "lsl.w   r4, r4, r9                           \n"                                                        \
    "smmlar  r4, r4, r12, r6                      \n"
#endif

/* Outputs from four sums: `begin` is what comes before the first, `take` loads a bias to r11 and a factor. */
#define PUT_OUT(sums, begin, take)                                                                           \
    "ldr     r0, [sp, #60]                        \n"                                                        \
    "ldr     r1, [sp, #68]                        \n"                                                        \
    "ldrd    r2, r3, [sp, #8]                     \n"                                                        \
    "push    {" sums "}                           \n"                                                        \
    "ldrsb.w r6, [r0, #37]                        \n"                                                        \
    "ldrsb.w r7, [r0, #38]                        \n"                                                        \
    "ldrsb.w r8, [r0, #39]                        \n" TAKE_SHIFT begin                                       \
    "add     r0, sp, #16                          \n"                                                        \
    "cmp     r3, #4                               \n"                                                        \
    "ite     ge                                   \n"                                                        \
    "movge   r5, #4                               \n"                                                        \
    "movlt   r5, #1                               \n"                                                        \
    "subs    r3, r3, r5                           \n"                                                        \
    "9:                                           \n"                                                        \
    "pop     {r4}                                 \n" take                                                   \
    "add     r4, r11                              \n" MAKE_VALUE                                             \
    "cmp     r4, r7                               \n"                                                        \
    "it      lt                                   \n"                                                        \
    "movlt   r4, r7                               \n"                                                        \
    "cmp     r4, r8                               \n"                                                        \
    "it      gt                                   \n"                                                        \
    "movgt   r4, r8                               \n"                                                        \
    "strb    r4, [r1], #1                         \n"                                                        \
    "subs    r5, #1                               \n"                                                        \
    "bne     9b                                   \n"                                                        \
    "mov     sp, r0                               \n"                                                        \
    "str     r1, [sp, #68]                        \n"                                                        \
    "cmp     r3, #0                               \n"                                                        \
    "bgt     3b                                   \n"

/* To the next row or column. */
#define NEXT_PLACE(stride, place, left)                                                                      \
    "ldrh    r1, [r0, #" stride "]                \n"                                                        \
    "ldr     r2, [sp, #" place "]                 \n"                                                        \
    "add     r2, r1                               \n"                                                        \
    "str     r2, [sp, #" place "]                 \n"                                                        \
    "ldr     r1, [sp, #" left "]                  \n"                                                        \
    "subs    r1, #1                               \n"                                                        \
    "str     r1, [sp, #" left "]                  \n"

#define END                                                                                                  \
    "ldr     r0, [sp, #60]                        \n" NEXT_PLACE(                                            \
        "26", "4",                                                                                           \
        "56") "bne     2b                                   \n" NEXT_PLACE("24", "0",                        \
                                                                           "52") "bne     1b               " \
                                                                                 "                    \n"    \
                                                                                 "add     sp, #60          " \
                                                                                 "                    \n"    \
                                                                                 "pop     {r0-r11, pc}     " \
                                                                                 "                    \n"

#endif
#endif
