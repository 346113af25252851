#define LP_TFLM 0
#include "lp_slots.h"
#include "lp_profile.h"

/* Rows of inputs under some rows of outputs: of each row and channel `across` words of inputs, with the
 * padding around them. */
typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int32_t *words;
    int32_t slots, bits, across;
    int32_t row_words;
    int32_t held;  /* rows that are there by now, the first of which is row `first` with the padding */
    int32_t first;
} lp_slot_band;

/* Inputs as far as they lie in the image from column `x` on. */
static int32_t border_word(const lp_slot_band *band, const int8_t *row, int32_t x) {
    const lp_conv2d_params *params = band->params;
    int32_t word = 0;
    for (int32_t column = x + band->slots - 1; column >= x; column--) {
        const int32_t is_inside = column >= 0 && column < params->input_width;
        const int32_t value = is_inside ? row[column * params->input_channels] : params->input_zero_point;
        word = word * (1 << band->bits) + value;
    }
    return word;
}

/* Words of one channel of a row. */
static LP_NOINLINE void take_channel(const lp_slot_band *band, const int8_t *row, int32_t *to) {
    const int32_t depth = band->params->input_channels;
    const int32_t factor = 1 << band->bits;
    int32_t x = -(int32_t)band->params->padding_left;
    int32_t left = band->across;
    for (; left > 0 && x < 0; left--, x += band->slots) {
        *to++ = border_word(band, row, x);
    }
    const int8_t *from = row + x * depth;
    for (; left > 0 && x + band->slots <= band->params->input_width; left--, x += band->slots) {
        int32_t word = from[depth];
        if (band->slots > 2) {
            int32_t high = from[2 * depth];
            if (band->slots > 3) {
                high += from[3 * depth] * factor;
            }
            word += high * factor;
        }
        *to++ = word * factor + from[0];
        from += band->slots * depth;
    }
    for (; left > 0; left--, x += band->slots) {
        *to++ = border_word(band, row, x);
    }
}

/* Row `y` of the image, or zero points where there is none. */
static LP_NOINLINE void take_row(const lp_slot_band *band, int32_t y, int32_t *to) {
    const lp_conv2d_params *params = band->params;
    if (y < 0 || y >= params->input_height) {
        const int32_t padding = border_word(band, band->input, params->input_width);
        for (int32_t left = band->row_words; left > 0; left--) {
            *to++ = padding;
            LP_OPAQUE(to);
        }
        return;
    }
    const int8_t *row = band->input + y * params->input_width * params->input_channels;
    for (int32_t left = params->input_channels; left > 0; left--, row++, to += band->across) {
        take_channel(band, row, to);
    }
}

/* The rows of `rows` rows of outputs from `y` on. */
static LP_NOINLINE void fill(lp_slot_band *band, int32_t y, int32_t rows) {
    const int32_t gone = y - band->first;
    const int32_t kept = band->held - gone;
    int32_t *to = band->words;
    if (gone > 0) {
        const int32_t *from = band->words + gone * band->row_words;
        for (int32_t left = kept * band->row_words; left > 0; left--) {
            *to++ = *from++;
            LP_OPAQUE(to);
        }
    }
    band->first = y;
    band->held = rows - 1 + band->params->kernel_height;
    to = band->words + kept * band->row_words;
    for (int32_t row = kept; row < band->held; row++, to += band->row_words) {
        take_row(band, y + row - band->params->padding_top, to);
    }
}

/* Weights of an output channel as words of slots, from bit `bit` on. */
static LP_NOINLINE void unpack(const lp_slots_params *params, uint32_t bit, int32_t steps, int32_t *words) {
    const int32_t bits = params->weight_bits;
    const int32_t slot_bits = LP_SLOT_BITS(params->slots);
    const uint32_t sign = (uint32_t)1 << (bits - 1);
    const uint32_t mask = 2 * sign - 1;
    const uint8_t *next = params->weights + (bit >> 3);
    uint32_t held = (uint32_t)*next++ >> (bit & 7);
    int32_t left = 8 - (int32_t)(bit & 7); /* bits that `held` has */
    for (; steps > 0; steps--) {
        for (int32_t taps = params->conv.kernel_width; taps > 0; taps -= params->slots) {
            const int32_t width = slot_bits * lp_minimum(taps, params->slots);
            uint32_t word = 0;
            for (int32_t shift = 0; shift < width; shift += slot_bits, held >>= bits, left -= bits) {
                if (left < bits) {
                    held |= (uint32_t)*next++ << left;
                    left += 8;
                }
                word += ((held & mask) - sign) << shift;
            }
            *words++ = (int32_t)word;
        }
    }
}

/* Outputs of a row of one channel. */
static LP_NOINLINE void write(const lp_conv2d_params *conv, int32_t channel, const uint16_t *sums,
                              int8_t *output) {
    const lp_channel *constants = lp_channels(conv->channels) + channel;
    const int32_t bias = constants->bias;
    const int32_t multiplier = constants->multiplier;
    const int32_t zero_point = conv->output_zero_point;
    const int32_t low = conv->minimum;
    const int32_t high = conv->maximum;
    const int32_t step = conv->output_channels;
    int32_t left = conv->output_width;
    if (conv->shift == 32) {
        for (; left > 0; left--, output += step) {
            *output = lp_requantize(*sums++ + bias, multiplier, 32, zero_point, low, high);
        }
    }
    for (; left > 0; left--, output += step) {
        *output = lp_requantize(*sums++ + bias, multiplier, conv->shift, zero_point, low, high);
    }
}

void lp_conv2d_slots_dsp_s8(const lp_slots_params *params, const int8_t *input, int8_t *output,
                            void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t slots = params->slots;
    const int32_t kernel_width = conv->kernel_width;
    const int32_t steps = (int32_t)conv->kernel_height * conv->input_channels;
    const int32_t words = (kernel_width + slots - 1) / slots;
    /* The first accumulator that takes part in an output. */
    const int32_t first = kernel_width >= slots ? kernel_width / slots - 1 : 0;
    const int32_t across = lp_maximum((conv->output_width + kernel_width + slots - 2) / slots, first + 2);
    const int32_t twos = (3 - (across - first) % 3) % 3;
    const int32_t whole = (steps - 1) / params->segment_steps * params->segment_steps;
    lp_slot_band band;
    lp_slot_row row;
    band.params = conv;
    band.input = input;
    band.words = (int32_t *)scratch + 1;
    band.slots = slots;
    band.bits = LP_SLOT_BITS(slots);
    band.across = across;
    band.row_words = conv->input_channels * across;
    band.held = 0;
    band.first = 0;
    int32_t *const weights = band.words + (params->rows - 1 + conv->kernel_height) * band.row_words;
    uint16_t *const sums = (uint16_t *)(void *)(weights + steps * words);
    band.words[-1] = 0;
    row.pitch = across * (int32_t)sizeof *row.words;
    row.begin[0] = params->begin[0];
    row.begin[1] = params->begin[1];
    for (int32_t y = 0; y < conv->output_height; y += params->rows) {
        const int32_t rows = lp_minimum(conv->output_height - y, params->rows);
        fill(&band, y, rows);
        for (int32_t channel = 0; channel < conv->output_channels; channel++) {
            int8_t *to = output + channel;
            unpack(params, (uint32_t)(channel * steps * kernel_width * params->weight_bits), steps, weights);
            for (int32_t i = 0; i < rows; i++, to += conv->output_width * conv->output_channels) {
                int32_t taken = steps - whole;
                row.words = band.words + i * band.row_words + first - (words - 1);
                row.weights = weights;
                row.adds = 0;
                for (int32_t done = 0; done < steps; taken = params->segment_steps) {
                    lp_slot_row segment = row;
                    segment.words += done * across;
                    segment.weights += done * words;
                    done += taken;
                    segment.end = weights + done * words;
                    segment.skipped = -taken & 3;
                    segment.sums = sums;
                    segment.threes = (across - first - 2 * twos) / 3;
                    segment.twos = twos;
                    segment.adds = done > taken;
                    params->multiply(&segment);
                }
                write(conv, channel, sums + (kernel_width - 1 - first * slots), to);
            }
        }
        output += rows * conv->output_width * conv->output_channels;
    }
}
