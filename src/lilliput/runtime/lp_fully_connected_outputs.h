/* What matrix products have in common on cores with packed 16-bit arithmetic: how sums become outputs.
 *
 * `channels` holds the bias of every output, then factors as lp_channel and lp_tflm_channel have them: the
 * multiplier, in the profile `tflm` also the scale.  Where outputs do not share one factor, they follow for
 * four outputs at a time: four multipliers, then four scales.
 */
#ifndef LP_FULLY_CONNECTED_OUTPUTS_H
#define LP_FULLY_CONNECTED_OUTPUTS_H

#include "lp_dsp.h"
#include "lp_profile.h"

/* Multipliers and scales of four outputs. */
#define FACTORS LP_PROFILE(4, 8)

typedef struct {
    const int8_t *weights;
    const int32_t *biases;
    const int32_t *factors; /* of four outputs */
    int32_t factor_bytes;   /* from those of the next four back to where they are taken: 0, or all of them */
    int8_t *output, *end;
    int32_t zero_point;
    int32_t is_limited;        /* whether outputs keep a range smaller than int8 */
    uint32_t minimum, maximum; /* four times */
    int32_t doublings;         /* 32 - shift */
    const void *inputs;
    int32_t length; /* of a row or a block, as each kernel says */
    int32_t passes; /* over the inputs, beyond the first */
    int32_t shared_factors[FACTORS];
} products;

/* `all` for so many outputs; what the kernels differ in is left to them. */
LP_INLINE void prepare(products *all, const lp_fully_connected_dsp_params *params, int8_t *output,
                       int32_t outputs) {
    all->weights = params->weights;
    all->biases = params->channels;
    all->factors = params->channels + params->outputs;
    all->factor_bytes = 0;
    all->output = output;
    all->end = output + outputs;
    all->zero_point = params->output_zero_point;
    all->is_limited = params->minimum > -128 || params->maximum < 127;
    all->minimum = (uint8_t)params->minimum * 0x01010101u;
    all->maximum = (uint8_t)params->maximum * 0x01010101u;
    all->doublings = 32 - params->shift;
    all->passes = 0;
    if (params->shares_factor) {
        for (int32_t i = 0; i < FACTORS; i++) {
            all->shared_factors[i] = all->factors[i / 4];
        }
        all->factors = all->shared_factors;
        all->factor_bytes = 4 * FACTORS;
    }
}

/* One output from its sum of products; not every kernel needs it on every core. */
static LP_UNUSED int8_t output_of(const products *all, int32_t unit, int32_t sum) {
    const int32_t *const factors = all->factors + (all->factor_bytes ? 0 : unit / 4 * FACTORS) + unit % 4;
    lp_profile_channel channel;
    channel.bias = all->biases[unit];
    channel.multiplier = factors[0];
#if LP_TFLM
    channel.scale = factors[4];
#endif
    return lp_dsp_output(&channel, sum + channel.bias, 32 - all->doublings, all->zero_point,
                         (int8_t)(all->minimum & 0xFFu), (int8_t)(all->maximum & 0xFFu));
}

#if LP_DSP

/* The assembly's view of the structure, which it copies to its stack; a wrong number does not compile. */
#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char field##_lies_at_##offset[__builtin_offsetof(products, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(weights, 0);
CHECK_OFFSET(biases, 4);
CHECK_OFFSET(factors, 8);
CHECK_OFFSET(factor_bytes, 12);
CHECK_OFFSET(output, 16);
CHECK_OFFSET(end, 20);
CHECK_OFFSET(zero_point, 24);
CHECK_OFFSET(is_limited, 28);
CHECK_OFFSET(minimum, 32);
CHECK_OFFSET(maximum, 36);
CHECK_OFFSET(doublings, 40);
CHECK_OFFSET(inputs, 44);
CHECK_OFFSET(length, 48);
CHECK_OFFSET(passes, 52);

#define COPY_STRUCTURE                                                                                       \
    "ldmia.w r0!, {r1-r12}                   \n"                                                             \
    "stmia.w sp, {r1-r12}                    \n"                                                             \
    "ldmia.w r0, {r2, r3}                    \n"

/* Four biases. */
#define LOAD_BIASES(a, b, c, d, at)                                                                          \
    "ldr.w   " at ", [sp, #4]                \n"                                                             \
    "ldmia.w " at "!, {" a ", " b ", " c ", " d "}\n"                                                        \
    "str.w   " at ", [sp, #4]                \n"

#if LP_TFLM

/* Four sums with their biases, w to z, become bytes of a word: w. */
#define TO_BYTES(w, x, y, z, a, b, c, d, at, back)                                                           \
    "ldr.w   " at ", [sp, #8]                \n"                                                             \
    "ldr.w   " back ", [sp, #12]             \n"                                                             \
    "ldmia.w " at "!, {" a ", " b ", " c ", " d "}\n"                                                        \
    "smmlar  " w ", " w ", " a ", " w "      \n"                                                             \
    "smmlar  " x ", " x ", " b ", " x "      \n"                                                             \
    "smmlar  " y ", " y ", " c ", " y "      \n"                                                             \
    "smmlar  " z ", " z ", " d ", " z "      \n"                                                             \
    "add.w   " w ", " w ", " w ", asr #31    \n"                                                             \
    "add.w   " x ", " x ", " x ", asr #31    \n"                                                             \
    "add.w   " y ", " y ", " y ", asr #31    \n"                                                             \
    "add.w   " z ", " z ", " z ", asr #31    \n"                                                             \
    "ldmia.w " at "!, {" a ", " b ", " c ", " d "}\n"                                                        \
    "sub.w   " at ", " at ", " back "        \n"                                                             \
    "ldr.w   " back ", [sp, #24]             \n"                                                             \
    "str.w   " at ", [sp, #8]                \n"                                                             \
    "smmlsr  " w ", " w ", " a ", " back "   \n"                                                             \
    "smmlsr  " x ", " x ", " b ", " back "   \n"                                                             \
    "smmlsr  " y ", " y ", " c ", " back "   \n"                                                             \
    "smmlsr  " z ", " z ", " d ", " back "   \n" SATURATE(w, x, y, z)

#else

/* Four sums with their biases, w to z, become bytes of a word: w.  Sums are doubled for shifts below 32:
 * saturated, they still saturate the output. */
#define TO_BYTES(w, x, y, z, a, b, c, d, at, back)                                                           \
    "ldr.w   " back ", [sp, #40]             \n"                                                             \
    "ldr.w   " at ", [sp, #8]                \n"                                                             \
    "cmp.w   " back ", #0                    \n"                                                             \
    "beq     8f                              \n"                                                             \
    "7:                                      \n"                                                             \
    "qadd    " w ", " w ", " w "             \n"                                                             \
    "qadd    " x ", " x ", " x "             \n"                                                             \
    "qadd    " y ", " y ", " y "             \n"                                                             \
    "qadd    " z ", " z ", " z "             \n"                                                             \
    "subs.w  " back ", " back ", #1          \n"                                                             \
    "bne     7b                              \n"                                                             \
    "8:                                      \n"                                                             \
    "ldmia.w " at "!, {" a ", " b ", " c ", " d "}\n"                                                        \
    "ldr.w   " back ", [sp, #12]             \n"                                                             \
    "sub.w   " at ", " at ", " back "        \n"                                                             \
    "ldr.w   " back ", [sp, #24]             \n"                                                             \
    "str.w   " at ", [sp, #8]                \n"                                                             \
    "smmlar  " w ", " w ", " a ", " back "   \n"                                                             \
    "smmlar  " x ", " x ", " b ", " back "   \n"                                                             \
    "smmlar  " y ", " y ", " c ", " back "   \n"                                                             \
    "smmlar  " z ", " z ", " d ", " back "   \n" SATURATE(w, x, y, z)

#endif

#define SATURATE(w, x, y, z)                                                                                 \
    "ssat    " w ", #8, " w "                \n"                                                             \
    "ssat    " x ", #8, " x "                \n"                                                             \
    "ssat    " y ", #8, " y "                \n"                                                             \
    "ssat    " z ", #8, " z "                \n"                                                             \
    "bfi     " w ", " x ", #8, #8            \n"                                                             \
    "bfi     " y ", " z ", #8, #8            \n"                                                             \
    "pkhbt   " w ", " w ", " y ", lsl #16    \n"

/* Four outputs kept between minimum and maximum. */
#define LIMIT(word, minimum, maximum, free)                                                                  \
    "ssub8   " free ", " word ", " minimum " \n"                                                             \
    "sel     " word ", " word ", " minimum " \n"                                                             \
    "ssub8   " free ", " maximum ", " word " \n"                                                             \
    "sel     " word ", " word ", " maximum " \n"

#endif

#endif
