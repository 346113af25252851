#define LP_TFLM 0
#include "lp_lanes.h"
#include "lp_packed_outputs.h"

/* The sums of a halfword's two channels, for two halfwords; lanes are taken with what is added to them. */
typedef struct {
    int32_t first, second;
} lane_sums;

#define WORDS(bits) ((bits) / 2) /* of four inputs by four channels */
#define STEP_FOURS 4

#if LP_DSP

#define MULTIPLY(lanes, pair, sum) lp_multiply_pairs(lanes, *(const lp_pair *)(const void *)(pair), sum)

#define LOAD(to, from, place) "ldr.w   %[" to "], [%[" from "], #" place "]      \n"
#define INPUTS(place) LOAD("even", "inputs", place) LOAD("odd", "inputs", place "+4")
/* Two inputs by the fields of a word, which is turned for either halfword. */
#define TWO(word, turn, second_turn, pair)                                                                   \
    "and.w   %[lanes], %[mask], %[" word "]" turn "          \n"                                             \
    "smlad   %[first], %[lanes], %[" pair "], %[first]       \n"                                             \
    "and.w   %[lanes], %[mask], %[" word "]" second_turn "   \n"                                             \
    "smlad   %[second], %[lanes], %[" pair "], %[second]     \n"
/* 13 cycles with 4 bits, 12 with 2 bits. */
#define FOUR_4(weights, inputs)                                                                              \
    LOAD("word", "weights", weights)                                                                         \
    LOAD("next", "weights", weights "+4")                                                                    \
    INPUTS(inputs) TWO("word", "", ", ror #8", "even") TWO("next", "", ", ror #8", "odd")
#define FOUR_2(weights, inputs)                                                                              \
    LOAD("word", "weights", weights)                                                                         \
    INPUTS(inputs) TWO("word", "", ", ror #4", "even") TWO("word", ", ror #8", ", ror #12", "odd")

#define ADD_STEPS(loop, bits, fields)                                                                        \
    uint32_t word, next, lanes;                                                                              \
    lp_pair even, odd;                                                                                       \
    __asm__ volatile(".balign 4                                 \n"                                          \
                     "1:                                        \n" loop                                     \
                     "adds    %[weights], %[weights], %[words]  \n"                                          \
                     "adds    %[inputs], %[inputs], #32         \n"                                          \
                     "subs    %[steps], %[steps], #1            \n"                                          \
                     "bne.w   1b                                \n"                                          \
                     : [weights] "+r"(weights), [inputs] "+r"(inputs), [steps] "+r"(steps),                  \
                       [first] "+r"(sums->first), [second] "+r"(sums->second), [word] "=&r"(word),           \
                       [next] "=&r"(next), [lanes] "=&r"(lanes), [even] "=&r"(even), [odd] "=&r"(odd)        \
                     : [mask] "r"(fields), [words] "n"(4 * STEP_FOURS * WORDS(bits))                         \
                     : "cc", "memory")

/* Adds the products of `steps` times 16 inputs, at least once. */
static LP_NOINLINE void add_steps_4(const uint32_t *weights, const int16_t *inputs, int32_t steps,
                                    lane_sums *sums) {
    ADD_STEPS(FOUR_4("0", "0") FOUR_4("8", "8") FOUR_4("16", "16") FOUR_4("24", "24"), 4, LP_LANE_FIELDS_4);
}

static LP_NOINLINE void add_steps_2(const uint32_t *weights, const int16_t *inputs, int32_t steps,
                                    lane_sums *sums) {
    ADD_STEPS(FOUR_2("0", "0") FOUR_2("4", "8") FOUR_2("8", "16") FOUR_2("12", "24"), 2, LP_LANE_FIELDS_2);
}

#else

#define MULTIPLY(lanes, pair, sum)                                                                           \
    (int32_t)((uint32_t)(sum) + (uint32_t)((int16_t)(lanes) * (pair)[0] + ((lanes) >> 16) * (pair)[1]))

#endif

LP_INLINE void add_four(int32_t bits, const uint32_t *weights, const int16_t *inputs, lane_sums *sums) {
    const uint32_t even = weights[0];
    const uint32_t odd = bits == 2 ? even >> 8 | even << 24 : weights[1];
    const uint32_t turn = bits == 2 ? 4 : 8;
    sums->first = MULTIPLY(lp_lane_fields(even, 0, bits), inputs, sums->first);
    sums->second = MULTIPLY(lp_lane_fields(even, turn, bits), inputs, sums->second);
    sums->first = MULTIPLY(lp_lane_fields(odd, 0, bits), inputs + 2, sums->first);
    sums->second = MULTIPLY(lp_lane_fields(odd, turn, bits), inputs + 2, sums->second);
}

/* Adds the products of `fours` times four inputs. */
LP_INLINE void add_fours(int32_t bits, const uint32_t *weights, const int16_t *inputs, int32_t fours,
                         lane_sums *sums) {
#if LP_DSP
    const int32_t steps = fours / STEP_FOURS;
    fours %= STEP_FOURS;
    if (steps > 0) {
        (bits == 2 ? add_steps_2 : add_steps_4)(weights, inputs, steps, sums);
        weights += steps * STEP_FOURS * WORDS(bits);
        inputs += steps * STEP_FOURS * 4;
    }
#endif
    for (; fours > 0; fours--, weights += WORDS(bits), inputs += 4) {
        add_four(bits, weights, inputs, sums);
    }
}

/* Adds the sums of a halfword's two channels to `total`. */
LP_INLINE void add_lanes(int32_t bits, int32_t sum, int32_t *total) {
    const int32_t lower = (int32_t)((uint32_t)sum << (16 + bits)) >> (16 + bits);
    total[0] += lower;
    total[4] += (sum - lower) >> (16 - bits);
}

/* Inputs as int16, 0, 2 and 1, 3 of each four, and their sum; those that fill the last up are zeros. */
static int32_t expand(const int8_t *input, int32_t count, int16_t *to) {
    int32_t sum = 0;
    for (; count >= 4; count -= 4, input += 4, to += 4) {
        lp_expand_4(input, to, 2);
        sum += to[0] + to[1] + to[2] + to[3];
    }
    for (int32_t i = 0; i < 4 && count > 0; i++) {
        const int16_t value = (int16_t)(i < count ? input[i] : 0);
        to[i % 2 * 2 + i / 2] = value;
        sum += value;
    }
    return sum;
}

/* Inputs, and where each of their segments ends. */
typedef struct {
    const int16_t *inputs;
    const int32_t *sums;                          /* of the inputs of each segment */
    int32_t first_fours, segment_fours, segments; /* of the first segment, of each further one; of those */
} dense;

/* Sums of four channels, [0], [4], [8], [12]; returns where the weights of the next ones begin. */
LP_INLINE const uint32_t *sum_channels(const dense *all, int32_t bits, const uint32_t *weights,
                                       int32_t *total) {
    const int16_t *from = all->inputs;
    int32_t fours = all->first_fours;
    total[0] = total[4] = total[8] = total[12] = 0;
    for (int32_t segment = 0; segment <= all->segments; segment++) {
        const int32_t added = LP_LANES_ADDED(bits) * all->sums[segment];
        lane_sums sums = {-added, -added};
        add_fours(bits, weights, from, fours, &sums);
        add_lanes(bits, sums.first, &total[0]);
        add_lanes(bits, sums.second, &total[8]);
        weights += WORDS(bits) * fours;
        from += 4 * fours;
        fours = all->segment_fours;
    }
    return weights;
}

static LP_NOINLINE const uint32_t *sum_channels_2(const dense *all, const uint32_t *weights, int32_t *total) {
    return sum_channels(all, 2, weights, total);
}

static LP_NOINLINE const uint32_t *sum_channels_4(const dense *all, const uint32_t *weights, int32_t *total) {
    return sum_channels(all, 4, weights, total);
}

LP_INLINE void write_outputs_at(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                int8_t *output, int32_t doublings) {
    const lp_channel *constants = lp_channels(conv->channels) + channel;
    for (int32_t left = lp_minimum(4, conv->output_channels - channel); left > 0; left--, constants++) {
        *output++ = lp_doubled_output(*sums + constants->bias, constants->multiplier, doublings,
                                      conv->output_zero_point, conv->minimum, conv->maximum);
        sums += 4;
    }
}

/* Up to four outputs; most sums are not doubled, which takes a loop of its own. */
static LP_NOINLINE void write_outputs(const lp_conv2d_params *conv, int32_t channel, const int32_t *sums,
                                      int8_t *output) {
    if (conv->shift == 32) {
        write_outputs_at(conv, channel, sums, output, 0);
    } else {
        write_outputs_at(conv, channel, sums, output, 32 - conv->shift);
    }
}

void lp_fully_connected_packed_dsp_s8(const lp_lanes_params *params, const int8_t *input, int8_t *output,
                                      void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t fours = (conv->input_channels + 3) / 4;
    const uint32_t *weights = params->weights;
    int16_t *const inputs = (int16_t *)scratch;
    int32_t *const sums = (int32_t *)(void *)(inputs + 4 * fours);
    dense all;
    all.inputs = inputs;
    all.sums = sums;
    all.segment_fours = params->segment_fours;
    all.segments = (fours - 1) / params->segment_fours;
    all.first_fours = fours - all.segments * params->segment_fours;
    for (int32_t segment = 0, begin = 0, end = all.first_fours; segment <= all.segments; segment++) {
        sums[segment] = expand(input + 4 * begin, lp_minimum(conv->input_channels, 4 * end) - 4 * begin,
                               inputs + 4 * begin);
        begin = end;
        end += params->segment_fours;
    }
    for (int32_t channel = 0; channel < conv->output_channels; channel += LP_LANES_CHANNELS) {
        int32_t total[4 * LP_LANES_CHANNELS]; /* of one pixel of four */
        if (params->weight_bits == 2) {
            weights = sum_channels_2(&all, weights, total);
        } else {
            weights = sum_channels_4(&all, weights, total);
        }
        write_outputs(conv, channel, total, output + channel);
    }
}
