#define LP_TFLM 0
#include "lp_slots.h"
#include "lp_profile.h"

/* Rows of inputs under some rows of outputs, each with the padding around it. */
typedef struct {
    const lp_conv2d_params *params;
    const int8_t *input;
    int32_t *words;
    int32_t slots, bits;
    int32_t across; /* words of a row of a channel */
    int32_t word_step, channel_step, row_step;
    int32_t held; /* rows that are there by now, the first of which is row `first` with the padding */
    int32_t first;
} lp_slot_band;

/* Inputs from column `x` on, zero points where there are none. */
static LP_NOINLINE int32_t border_word(const lp_slot_band *band, const int8_t *row, int32_t x) {
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
    const int32_t slots = band->slots;
    const int32_t factor = 1 << band->bits;
    const int32_t step = band->word_step;
    int32_t x = -(int32_t)band->params->padding_left;
    int32_t left = band->across;
    for (; left > 0 && x < 0; left--, x += slots, to += step) {
        *to = border_word(band, row, x);
    }
    const int8_t *from = row + x * depth;
    int32_t inside = left > 0 ? lp_minimum((band->params->input_width - x) / slots, left) : 0;
    left -= inside;
    x += inside * slots;
    for (; inside > 0; inside--, to += step) {
        int32_t word = from[depth];
        if (slots > 2) {
            int32_t high = from[2 * depth];
            if (slots > 3) {
                high += from[3 * depth] * factor;
            }
            word += high * factor;
        }
        *to = word * factor + from[0];
        from += slots * depth;
    }
    for (; left > 0; left--, x += slots, to += step) {
        *to = border_word(band, row, x);
    }
}

/* Row `y` of the image, or zero points where there is none. */
static LP_NOINLINE void take_row(const lp_slot_band *band, int32_t y, int32_t *to) {
    const lp_conv2d_params *params = band->params;
    const int32_t is_inside = y >= 0 && y < params->input_height;
    const int8_t *row = band->input + (is_inside ? y * params->input_width * params->input_channels : 0);
    const int32_t padding = border_word(band, row, params->input_width);
    for (int32_t left = params->input_channels; left > 0; left--, row++, to += band->channel_step) {
        if (is_inside) {
            take_channel(band, row, to);
        } else {
            for (int32_t i = 0; i < band->across; i++) {
                to[i * band->word_step] = padding;
            }
        }
    }
}

/* The rows of `rows` rows of outputs from `y` on. */
static LP_NOINLINE void fill(lp_slot_band *band, int32_t y, int32_t rows) {
    const int32_t step = band->row_step;
    const int32_t gone = (y - band->first) * step;
    const int32_t kept = lp_maximum(band->held - (y - band->first), 0);
    const int32_t runs = band->params->input_channels * band->across;
    const int32_t run_step = lp_minimum(band->word_step, band->channel_step);
    for (int32_t run = 0; gone > 0 && run < runs; run++) {
        int32_t *to = band->words + run * run_step;
        for (int32_t row = 0; row < kept; row++, to += step) {
            *to = to[gone];
        }
    }
    band->first = y;
    band->held = rows - 1 + band->params->kernel_height;
    for (int32_t row = kept; row < band->held; row++) {
        take_row(band, y + row - band->params->padding_top, band->words + row * step);
    }
}

/* What outputs of a channel are made with. */
typedef struct {
    int32_t bias, multiplier, zero_point, step;
} lp_slot_outputs;

#if LP_DSP

/* Fours of outputs, which have so many bits. */
#define WRITE(bits)                                                                                          \
    LP_NAKED static void write_##bits(const uint16_t *sums LP_UNUSED, int8_t *to LP_UNUSED,                  \
                                      int32_t fours LP_UNUSED, const lp_slot_outputs *with LP_UNUSED) {      \
        __asm__ volatile("push    {r4-r11, lr}\n"                                                            \
                         "ldmia.w r3, {r4-r7}\n"                                                             \
                         "lsl.w   r12, r7, #1\n"                                                             \
                         "add.w   lr, r12, r7\n"                                                             \
                         "1:\n"                                                                              \
                         "ldrh.w  r8, [r0]\n"                                                                \
                         "ldrh.w  r9, [r0, #2]\n"                                                            \
                         "ldrh.w  r10, [r0, #4]\n"                                                           \
                         "ldrh.w  r11, [r0, #6]\n"                                                           \
                         "adds    r0, #8\n"                                                                  \
                         "add     r8, r4\n"                                                                  \
                         "add     r9, r4\n"                                                                  \
                         "add     r10, r4\n"                                                                 \
                         "add     r11, r4\n"                                                                 \
                         "smmlar  r8, r8, r5, r6\n"                                                          \
                         "smmlar  r9, r9, r5, r6\n"                                                          \
                         "smmlar  r10, r10, r5, r6\n"                                                        \
                         "smmlar  r11, r11, r5, r6\n"                                                        \
                         "ssat    r8, #" #bits ", r8\n"                                                      \
                         "ssat    r9, #" #bits ", r9\n"                                                      \
                         "ssat    r10, #" #bits ", r10\n"                                                    \
                         "ssat    r11, #" #bits ", r11\n"                                                    \
                         "strb.w  r8, [r1]\n"                                                                \
                         "strb.w  r9, [r1, r7]\n"                                                            \
                         "strb.w  r10, [r1, r12]\n"                                                          \
                         "strb.w  r11, [r1, lr]\n"                                                           \
                         "add.w   r1, r1, r7, lsl #2\n"                                                      \
                         "subs    r2, #1\n"                                                                  \
                         "bne.n   1b\n"                                                                      \
                         "pop     {r4-r11, pc}\n");                                                          \
    }
WRITE(2)
WRITE(4)
WRITE(8)

#endif

/* Outputs of a row of one channel. */
static LP_NOINLINE void write(const lp_conv2d_params *conv, const uint16_t *sums, int8_t *to,
                              const lp_slot_outputs *with) {
    int32_t left = conv->output_width;
#if LP_DSP
    const int32_t fours = left / 4;
    const int32_t done = conv->shift == 32 && fours > 0 ? 4 * fours : 0;
    if (done > 0 && conv->maximum == 127 && conv->minimum == -128) {
        write_8(sums, to, fours, with);
    } else if (done > 0 && conv->maximum == 7 && conv->minimum == -8) {
        write_4(sums, to, fours, with);
    } else if (done > 0 && conv->maximum == 1 && conv->minimum == -2) {
        write_2(sums, to, fours, with);
    } else {
        left += done;
    }
    left -= done;
    sums += conv->output_width - left;
    to += (conv->output_width - left) * with->step;
#endif
    for (; left > 0; left--, to += with->step) {
        *to = lp_requantize(*sums++ + with->bias, with->multiplier, conv->shift, with->zero_point,
                            conv->minimum, conv->maximum);
    }
}

void lp_conv2d_slots_dsp_s8(const lp_slots_params *params, const int8_t *input, int8_t *output,
                            void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t slots = params->slots;
    const int32_t width = conv->kernel_width;
    const int32_t depth = conv->input_channels;
    const int32_t words = (width + slots - 1) / slots; /* of a row of the kernel */
    /* The first accumulator that takes part in an output. */
    const int32_t first = width >= slots ? width / slots - 1 : 0;
    const int32_t across = lp_maximum((conv->output_width + width + slots - 2) / slots, first + 2);
    const int32_t band_rows = params->rows - 1 + conv->kernel_height;
    const int32_t by_columns = params->lines_are_columns;
    const int32_t steps = depth * (by_columns ? words : conv->kernel_height);
    const int32_t step_words = by_columns ? conv->kernel_height : words;
    const int32_t outside = words - 1 - first; /* words before the first that are needed, 0 or 1 */
    const int32_t first_steps = (steps - 1) % params->segment_steps + 1;
    lp_slot_band band;
    lp_slot_lines lines;
    lp_slot_outputs with;
    band.params = conv;
    band.input = input;
    band.slots = slots;
    band.bits = LP_SLOT_BITS(slots);
    band.across = across;
    band.word_step = by_columns ? depth * band_rows : 1;
    band.channel_step = by_columns ? band_rows : across;
    band.row_step = by_columns ? 1 : depth * across;
    band.held = 0;
    band.first = 0;
    band.words = (int32_t *)scratch;
    for (int32_t left = outside * band.word_step; left > 0; left--) {
        *band.words++ = 0;
        LP_OPAQUE(band.words);
    }
    int32_t *const weights = band.words + depth * across * band_rows;
    lines.above = weights + steps * step_words;
    uint16_t *const sums = (uint16_t *)(void *)(lines.above + (by_columns ? lp_maximum(params->rows, 2) : 0));
    lines.begin[0] = params->begin[0];
    lines.begin[1] = params->begin[1];
    lines.pitch = (by_columns ? band_rows : across) * (int32_t)sizeof *lines.words;
    lines.line_step = (by_columns ? band.word_step : band.row_step) * (int32_t)sizeof *lines.words;
    lines.sums_pitch = slots * (across - first) * (int32_t)sizeof *sums;
    with.zero_point = conv->output_zero_point;
    with.step = conv->output_channels;
    for (int32_t y = 0; y < conv->output_height; y += params->rows) {
        const int32_t rows = lp_minimum(conv->output_height - y, params->rows);
        const int32_t count = by_columns ? lp_maximum(rows, 2) : across - first;
        lines.twos = (3 - count % 3) % 3;
        lines.threes = (count - 2 * lines.twos) / 3;
        lines.lines = by_columns ? across - first : rows;
        fill(&band, y, rows);
        for (int32_t channel = 0; channel < conv->output_channels; channel++) {
            const uint16_t *row = sums + (width - 1 - first * slots);
            int8_t *to = output + channel;
            params->unpack(params, channel, weights);
            lines.words = band.words + (first - (words - 1)) * band.word_step;
            lines.weights = weights;
            lines.end = weights + first_steps * step_words;
            lines.skipped = -first_steps & 3;
            lines.sums = sums;
            for (int32_t done = first_steps;; done += params->segment_steps) {
                lines.adds = done > first_steps;
                for (int32_t i = 0; by_columns && i < count; i++) {
                    lines.above[i] = 0;
                }
                params->multiply(&lines);
                if (done >= steps) {
                    break;
                }
                lines.words = band.words + (first - (words - 1)) * band.word_step +
                              done * (lines.pitch / (int32_t)sizeof *lines.words);
                lines.weights = lines.end;
                lines.end += params->segment_steps * step_words;
                lines.skipped = -(int32_t)params->segment_steps & 3;
            }
            with.bias = lp_channels(conv->channels)[channel].bias;
            with.multiplier = lp_channels(conv->channels)[channel].multiplier;
            for (int32_t left = rows; left > 0; left--) {
                write(conv, row, to, &with);
                row += slots * (across - first);
                to += conv->output_width * conv->output_channels;
            }
        }
        output += rows * conv->output_width * conv->output_channels;
    }
}
