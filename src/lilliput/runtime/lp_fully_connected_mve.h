/* Matrix products on cores with Helium, four outputs at a time: weights lie output by output. */
#ifndef LP_FULLY_CONNECTED_MVE_H
#define LP_FULLY_CONNECTED_MVE_H

#include "lp_mve.h"

#if LP_MVE

/* What is multiplied.  The assembly knows the place of every field. */
typedef struct {
    const int8_t *weights;
    const int8_t *weights_end;
    const lp_profile_channel *channels;
    int8_t *output;
    const int8_t *input;
    int32_t count; /* of inputs; not 0 */
    int32_t zero_point, minimum, maximum;
    uint32_t channel_offsets[LP_MVE_CHANNELS];
} product;

#define CHECK_PRODUCT(field, offset)                                                                         \
    typedef char                                                                                             \
        product_##field##_at_##offset[__builtin_offsetof(product, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_PRODUCT(weights, 0);
CHECK_PRODUCT(weights_end, 4);
CHECK_PRODUCT(channels, 8);
CHECK_PRODUCT(output, 12);
CHECK_PRODUCT(input, 16);
CHECK_PRODUCT(count, 20);
CHECK_PRODUCT(zero_point, 24);
CHECK_PRODUCT(minimum, 28);
CHECK_PRODUCT(maximum, 32);
CHECK_PRODUCT(channel_offsets, 36);

/* Sums with their biases in q0 become values of the output, less the zero point; multipliers are in q1. */
#if LP_TFLM
/* Halves away from zero: one less where a negative number is shifted. */
#define PRODUCT_SCALE                                                                                        \
    "add         r12, #4                     \n"                                                             \
    "vqrdmulh.s32 q0, q0, q1                 \n"                                                             \
    "vldrw.u32   q2, [r12, q7]               \n"                                                             \
    "vshr.s32    q3, q0, #31                 \n"                                                             \
    "vadd.i32    q0, q0, q3                  \n"                                                             \
    "vrshl.s32   q0, q0, q2                  \n"
#define TO_NEXT_FOUR "40" /* from the scale of the first */
#else
#define PRODUCT_SCALE "vrmulh.s32  q0, q0, q1                  \n"
#define TO_NEXT_FOUR "28" /* from the multiplier of the first */
#endif

/* Fours of outputs. */
LP_NAKED static void put_fours(product *all LP_UNUSED) {
    __asm__ volatile("push        {r4-r11, lr}                \n"
                     "vpush       {d8-d15}                    \n"
                     "mov         r9, r0                      \n"
                     "ldr         r10, [r9, #0]               \n"
                     "ldr         r12, [r9, #8]               \n"
                     "ldr         r11, [r9, #20]              \n"
                     "ldrd        r0, r1, [r9, #28]           \n"
                     "vldrw.u32   q7, [r9, #36]               \n"
                     "vdup.32     q5, r0                      \n"
                     "vdup.32     q6, r1                      \n"
                     "1:                                      \n"
                     "mov         r3, r10                     \n"
                     "add         r5, r10, r11                \n"
                     "add         r7, r5, r11                 \n"
                     "add         r8, r7, r11                 \n"
                     "add         r10, r8, r11                \n"
                     "ldr         r1, [r9, #16]               \n"
                     "movs        r0, #0                      \n"
                     "movs        r2, #0                      \n"
                     "movs        r4, #0                      \n"
                     "movs        r6, #0                      \n"
                     "dlstp.8     lr, r11                     \n"
                     "2:                                      \n"
                     "vldrb.u8    q0, [r1], #16               \n"
                     "vldrb.u8    q1, [r3], #16               \n"
                     "vldrb.u8    q2, [r5], #16               \n"
                     "vmladava.s8 r0, q0, q1                  \n"
                     "vldrb.u8    q1, [r7], #16               \n"
                     "vmladava.s8 r2, q0, q2                  \n"
                     "vldrb.u8    q2, [r8], #16               \n"
                     "vmladava.s8 r4, q0, q1                  \n"
                     "vmladava.s8 r6, q0, q2                  \n"
                     "letp        lr, 2b                      \n"
                     "vmov        q0[2], q0[0], r0, r4        \n"
                     "vmov        q0[3], q0[1], r2, r6        \n"
                     "vldrw.u32   q1, [r12, q7]               \n"
                     "add         r12, #4                     \n"
                     "vadd.i32    q0, q0, q1                  \n"
                     "vldrw.u32   q1, [r12, q7]               \n" PRODUCT_SCALE
                     "add         r12, #" TO_NEXT_FOUR "                \n"
                     "ldr         r0, [r9, #24]               \n"
                     "ldr         r1, [r9, #4]                \n"
                     "ldr         r2, [r9, #12]               \n"
                     "vadd.i32    q0, q0, r0                  \n"
                     "vmax.s32    q0, q0, q5                  \n"
                     "vmin.s32    q0, q0, q6                  \n"
                     "vstrb.32    q0, [r2], #4                \n"
                     "str         r2, [r9, #12]               \n"
                     "cmp         r10, r1                     \n"
                     "bne         1b                          \n"
                     "vpop        {d8-d15}                    \n"
                     "pop         {r4-r11, pc}                \n");
}

/* Outputs `first` to `end`, a multiple of four. */
static LP_NOINLINE void put_outputs(const lp_fully_connected_params *params, const int8_t *input,
                                    int8_t *output, int32_t first, int32_t end) {
    product all;
    all.weights = params->weights + first * params->inputs;
    all.weights_end = params->weights + end * params->inputs;
    all.channels = lp_channels(params->channels) + first;
    all.output = output + first;
    all.input = input;
    all.count = params->inputs;
    all.zero_point = params->output_zero_point;
    all.minimum = params->minimum;
    all.maximum = params->maximum;
    for (int32_t i = 0; i < LP_MVE_CHANNELS; i++) {
        all.channel_offsets[i] = (uint32_t)i * sizeof(lp_profile_channel);
    }
    put_fours(&all);
}

LP_INLINE int32_t product_of(const int8_t *weights, const int8_t *input, int32_t count) {
    int32_t sum = 0;
    __asm__ volatile("dlstp.8        lr, %[count]            \n"
                     "1:                                     \n"
                     "vldrb.u8       q0, [%[input]], #16     \n"
                     "vldrb.u8       q1, [%[weights]], #16   \n"
                     "vmladava.s8    %[sum], q0, q1          \n"
                     "letp           lr, 1b                  \n"
                     : [sum] "+Te"(sum), [input] "+r"(input), [weights] "+r"(weights)
                     : [count] "r"(count)
                     : "lr", "q0", "q1", "memory");
    return sum;
}

#else
#define product_of lp_dot_s8
#endif

LP_INLINE void fully_connected_mve(const lp_fully_connected_params *params, const int8_t *input,
                                   int8_t *output) {
    const int32_t outputs = params->outputs;
#if LP_MVE
    if (outputs >= LP_MVE_CHANNELS) {
        put_outputs(params, input, output, 0, outputs / LP_MVE_CHANNELS * LP_MVE_CHANNELS);
        if (outputs % LP_MVE_CHANNELS) { /* the last four */
            put_outputs(params, input, output, outputs - LP_MVE_CHANNELS, outputs);
        }
        return;
    }
#endif
    for (int32_t i = 0; i < outputs; i++) {
        const lp_profile_channel *channel = lp_channels(params->channels) + i;
        const int32_t sum =
            channel->bias + product_of(params->weights + i * params->inputs, input, params->inputs);
        output[i] = lp_output(channel, sum, params->shift, params->output_zero_point, params->minimum,
                              params->maximum);
    }
}

#endif
