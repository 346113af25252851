#define LP_TFLM 0
#define LP_WINDOW_STEP 4 /* one pixel */
#define LP_WINDOW_SUMS 1
#include "lp_nibbles.h"
#include "lp_packed_outputs.h"
#include "lp_window.h"

#define PART_FOURS 256
#define STEP_FOURS 4

/* Sums of products with the fields of halfwords: a, 16 b + a, 256 c, and all of it. */
typedef struct {
    int32_t a, ba, c, all;
} field_sums;

#if LP_DSP

#define MULTIPLY(fields, pair, sum)                                                                          \
    lp_multiply_pairs((int32_t)(fields), *(const lp_pair *)(const void *)(pair), sum)

#define TWO(word, pair)                                                                                      \
    "and.w   %[fields], %[" word "], #0x000F000F              \n"                                            \
    "smlad   %[all], %[" pair "], %[" word "], %[all]         \n"                                            \
    "smlad   %[a], %[" pair "], %[fields], %[a]               \n"                                            \
    "and.w   %[fields], %[" word "], #0x0F000F00              \n"                                            \
    "uxtb16  %[" word "], %[" word "]                         \n"                                            \
    "smlad   %[c], %[" pair "], %[fields], %[c]               \n"                                            \
    "smlad   %[ba], %[" pair "], %[" word "], %[ba]           \n"
/* 16 products, 19 cycles. */
#define FOUR(place, next_place)                                                                              \
    "ldr.w   %[word], [%[weights], #" place "]                \n"                                            \
    "ldr.w   %[even], [%[inputs], #" place "]                 \n"                                            \
    "ldr.w   %[next], [%[weights], #" next_place "            \n"                                            \
    "ldr.w   %[odd], [%[inputs], #" next_place "              \n" TWO("word", "even") TWO("next", "odd")

/* Adds the products of 16 inputs, at least once. */
#define ADD_STEPS(weights, inputs, steps, sums)                                                              \
    __asm__ volatile(                                                                                        \
        "subs    %[weights], %[weights], #4                \n"                                               \
        "subs    %[inputs], %[inputs], #4                  \n"                                               \
        ".balign 4                                         \n"                                               \
        "1:                                                \n" FOUR("4", "8]") FOUR("12", "16]")             \
            FOUR("20", "24]") FOUR("28", "32]!") "subs    %[steps], %[steps], #1                    \n"      \
                                                 "bne.w   1b                                        \n"      \
                                                 "adds    %[weights], %[weights], #4                \n"      \
                                                 "adds    %[inputs], %[inputs], #4                  \n"      \
        : [weights] "+r"(weights), [inputs] "+r"(inputs), [steps] "+r"(steps), [a] "+r"((sums).a),           \
          [ba] "+r"((sums).ba), [c] "+r"((sums).c), [all] "+r"((sums).all), [word] "=&r"(word),              \
          [next] "=&r"(next), [fields] "=&r"(fields), [even] "=&r"(even), [odd] "=&r"(odd)                   \
        :                                                                                                    \
        : "cc", "memory")

#else

#define MULTIPLY(fields, pair, sum)                                                                          \
    (int32_t)((uint32_t)(sum) +                                                                              \
              (uint32_t)((int16_t)(fields) * (pair)[0] + ((int32_t)(fields) >> 16) * (pair)[1]))

#endif

LP_INLINE void add_two(uint32_t word, const int16_t *inputs, field_sums *sums) {
    sums->a = MULTIPLY(word & 0x000F000Fu, inputs, sums->a);
    sums->ba = MULTIPLY(word & 0x00FF00FFu, inputs, sums->ba);
    sums->c = MULTIPLY(word & 0x0F000F00u, inputs, sums->c);
    sums->all = MULTIPLY(word, inputs, sums->all);
}

/* Adds the products of four channels with a part of the inputs, whose sum is `input_sum`, to `totals`. */
static LP_NOINLINE void add_part(const uint32_t *weights, const int16_t *inputs, int32_t fours,
                                 int32_t input_sum, int32_t *totals) {
    field_sums sums;
    sums.a = -8 * input_sum;
    sums.ba = 17 * sums.a;
    sums.c = 256 * sums.a;
    sums.all = sums.ba + sums.c;
#if LP_DSP
    if (fours >= STEP_FOURS) {
        int32_t steps = fours / STEP_FOURS;
        uint32_t word, next, fields;
        lp_pair even, odd;
        ADD_STEPS(weights, inputs, steps, sums);
        fours %= STEP_FOURS;
    }
#endif
    for (; fours > 0; fours--, weights += 2, inputs += 4) {
        add_two(weights[0], inputs, &sums);
        add_two(weights[1], inputs + 2, &sums);
    }
    totals[0] += sums.a;
    totals[1] += (int32_t)((uint32_t)sums.ba - (uint32_t)sums.a) >> 4;
    totals[2] += sums.c >> 8;
    totals[3] += (int32_t)((uint32_t)sums.all - (uint32_t)sums.c - (uint32_t)sums.ba) >> 12;
}

LP_INLINE void write_outputs(const lp_conv2d_params *conv, const int32_t *totals, int8_t *output,
                             int32_t doublings) {
    const lp_channel *constants = lp_channels(conv->channels);
    const int32_t zero_point = conv->output_zero_point;
    const int32_t low = conv->minimum;
    const int32_t high = conv->maximum;
    for (int32_t left = conv->output_channels; left > 0; left--, constants++) {
        *output++ = lp_doubled_output(*totals++ + constants->bias, constants->multiplier, doublings,
                                      zero_point, low, high);
    }
}

void lp_fully_connected_nibbles_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                       void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t all = (conv->input_channels + 3) / 4;
    const int32_t full = conv->input_channels / 4;
    const int32_t part = lp_minimum(params->segment_fours, PART_FOURS);
    int32_t *const totals = (int32_t *)scratch;
    int16_t *const inputs = (int16_t *)(totals + (conv->output_channels + 3) / 4 * 4);
    lp_window window;
    for (int32_t *total = totals; total < (int32_t *)(void *)inputs; total++) {
        *total = 0;
        LP_OPAQUE(total);
    }
    for (int32_t begin = 0; begin < all; begin += part) {
        const int32_t fours = lp_minimum(part, all - begin);
        const uint32_t *weights = params->weights + 2 * begin;
        int16_t *to;
        window.sum = 0;
        to = lp_window_fours(&window, input + 4 * begin, inputs, lp_minimum(fours, full - begin));
        if (begin + fours > full) {
            int8_t last[4] = {0, 0, 0, 0};
            (void)lp_copy_bytes(input + 4 * full, last, conv->input_channels % 4);
            (void)lp_window_fours(&window, last, to, 1);
        }
        for (int32_t channel = 0; channel < conv->output_channels; channel += LP_NIBBLES_CHANNELS) {
            add_part(weights, inputs, fours, window.sum, totals + channel);
            weights += 2 * all;
        }
    }
    if (conv->shift == 32) {
        write_outputs(conv, totals, output, 0);
    } else {
        write_outputs(conv, totals, output, 32 - conv->shift);
    }
}
