#define LP_TFLM 0
#include "lp_bytes.h"
#include "lp_profile.h"
#include "lp_slots.h"

/* Rows of inputs under some rows of outputs, each with the padding around it. */
typedef struct {
    const int8_t *input;
    int8_t *row; /* one of them */
    int32_t *words;
    int32_t across; /* words of a row of a channel */
    int32_t word_step, channel_step, row_step;
    int32_t held; /* rows that are there by now, the first of which is row `first` with the padding */
    int32_t first;
} lp_slot_band;

/* Row `y` of the image with its padding, or zero points where there is none. */
static LP_NOINLINE void take_row(const lp_slots_params *params, const lp_slot_band *band, int32_t y,
                                 int32_t *to) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t depth = conv->input_channels;
    const int32_t is_inside = y >= 0 && y < conv->input_height;
    const int32_t room = band->across * params->slots * depth;
    const int32_t left = is_inside ? lp_minimum(conv->padding_left * depth, room) : 0;
    const int32_t count = is_inside ? lp_minimum(conv->input_width * depth, room - left) : 0;
    int8_t *at = lp_fill_bytes(band->row, conv->input_zero_point, left);
    if (is_inside) {
        at = lp_copy_bytes(band->input + y * conv->input_width * depth, at, count);
    }
    lp_fill_bytes(at, conv->input_zero_point, room - left - count);
    params->take(band->row, depth, band->across, to, band->word_step, band->channel_step);
}

/* The rows of `rows` rows of outputs from `y` on. */
static LP_NOINLINE void fill(const lp_slots_params *params, lp_slot_band *band, int32_t y, int32_t rows) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t step = band->row_step;
    const int32_t gone = (y - band->first) * step;
    const int32_t kept = lp_maximum(band->held - (y - band->first), 0);
    const int32_t runs = conv->input_channels * band->across;
    const int32_t run_step = lp_minimum(band->word_step, band->channel_step);
    for (int32_t run = 0; gone > 0 && run < runs; run++) {
        int32_t *to = band->words + run * run_step;
        for (int32_t row = 0; row < kept; row++, to += step) {
            *to = to[gone];
        }
    }
    band->first = y;
    band->held = rows - 1 + conv->kernel_height;
    for (int32_t row = kept; row < band->held; row++) {
        take_row(params, band, y + row - conv->padding_top, band->words + row * step);
    }
}

/* What rows of outputs of a channel are made with. */
typedef struct {
    int32_t bias, multiplier, zero_point;
    int32_t step; /* from output to output */
    int32_t fours;
    int32_t rows;
    int32_t sums_rest, rest; /* bytes from the end of a row's fours to the next row */
} lp_slot_outputs;

#if LP_DSP

/* Fours of outputs, which have so many bits. */
#define WRITE(bits)                                                                                          \
    LP_NAKED static void write_##bits(const lp_slot_outputs *with LP_UNUSED, const uint16_t *sums LP_UNUSED, \
                                      int8_t *to LP_UNUSED) {                                                \
        __asm__ volatile("push    {r0, r4-r11, lr}\n"                                                        \
                         "ldr     r3, [r0, #20]\n"                                                           \
                         "ldmia.w r0, {r4-r7}\n"                                                             \
                         "lsl.w   r12, r7, #1\n"                                                             \
                         "add.w   lr, r12, r7\n"                                                             \
                         "2:\n"                                                                              \
                         "ldr     r0, [sp, #0]\n"                                                            \
                         "ldr     r0, [r0, #16]\n"                                                           \
                         "1:\n"                                                                              \
                         "ldrh.w  r8, [r1]\n"                                                                \
                         "ldrh.w  r9, [r1, #2]\n"                                                            \
                         "ldrh.w  r10, [r1, #4]\n"                                                           \
                         "ldrh.w  r11, [r1, #6]\n"                                                           \
                         "adds    r1, #8\n"                                                                  \
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
                         "strb.w  r8, [r2]\n"                                                                \
                         "strb.w  r9, [r2, r7]\n"                                                            \
                         "strb.w  r10, [r2, r12]\n"                                                          \
                         "strb.w  r11, [r2, lr]\n"                                                           \
                         "add.w   r2, r2, r7, lsl #2\n"                                                      \
                         "subs    r0, #1\n"                                                                  \
                         "bne.n   1b\n"                                                                      \
                         "ldr     r0, [sp, #0]\n"                                                            \
                         "ldr.w   r8, [r0, #24]\n"                                                           \
                         "ldr.w   r9, [r0, #28]\n"                                                           \
                         "add     r1, r8\n"                                                                  \
                         "add     r2, r9\n"                                                                  \
                         "subs    r3, #1\n"                                                                  \
                         "bne.n   2b\n"                                                                      \
                         "pop     {r0, r4-r11, pc}\n");                                                      \
    }
WRITE(2)
WRITE(4)
WRITE(8)

#endif

/* So often a sum of 16 bits may be doubled. */
#define MOST_DOUBLINGS 14

/* Outputs of one channel. */
static LP_NOINLINE void write(const lp_conv2d_params *conv, const lp_slot_outputs *with, const uint16_t *sums,
                              int8_t *to) {
    const int32_t channels = conv->output_channels;
    const int32_t doublings = 32 - conv->shift;
    int32_t shift = conv->shift;
    int32_t bias = with->bias;
    int32_t factor = 1;
    int32_t done = 0;
    if (doublings > 0 && doublings <= MOST_DOUBLINGS &&
        lp_maximum(bias, -bias) < (int32_t)1 << (30 - doublings)) {
        factor = (int32_t)1 << doublings;
        bias *= factor;
        shift = 32;
    }
#if LP_DSP
    if (conv->shift == 32 && with->fours > 0) {
        done = 4 * with->fours;
        if (conv->maximum == 127 && conv->minimum == -128) {
            write_8(with, sums, to);
        } else if (conv->maximum == 7 && conv->minimum == -8) {
            write_4(with, sums, to);
        } else if (conv->maximum == 1 && conv->minimum == -2) {
            write_2(with, sums, to);
        } else {
            done = 0;
        }
    }
#endif
    for (int32_t row = 0; row < with->rows && done < conv->output_width; row++) {
        const uint16_t *from = sums + done;
        int8_t *at = to + done * channels;
        for (int32_t left = conv->output_width - done; left > 0; left--, at += channels) {
            *at = lp_requantize(*from++ * factor + bias, with->multiplier, shift, with->zero_point,
                                conv->minimum, conv->maximum);
        }
        sums += 4 * with->fours + with->sums_rest / (int32_t)sizeof *sums;
        to += conv->output_width * channels;
    }
}

/* Words of a row of so many columns: from the first on, two at least; where rests are of four, three at
 * least, and as many as blocks of three, one of which may be such a rest, take. */
static int32_t across_of(int32_t columns, int32_t slots, int32_t first, int32_t rest) {
    const int32_t across = lp_maximum((columns + slots - 1) / slots, first + 2);
    return across + (rest == 4 && (across - first) % 3 == 2);
}

void lp_conv2d_slots_dsp_s8(const lp_slots_params *params, const int8_t *input, int8_t *output,
                            void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t slots = params->slots;
    const int32_t width = conv->kernel_width;
    const int32_t depth = conv->input_channels;
    const int32_t words = LP_KERNEL_WORDS(width, slots, params->taps);
    /* The first accumulator that takes part in an output. */
    const int32_t first = lp_maximum(width - params->taps, 0) / slots;
    const int32_t by_columns = params->lines_are_columns;
    const int32_t rest = LP_SLOT_REST(by_columns, words);
    const int32_t across = across_of(conv->output_width + width - 1, slots, first, by_columns ? 2 : rest);
    const int32_t band_rows = params->rows - 1 + conv->kernel_height;
    const int32_t steps = depth * (by_columns ? words : conv->kernel_height);
    const int32_t step_words = by_columns ? conv->kernel_height : words;
    const int32_t outside = words - 1 - first; /* words before the first that are needed, 0 or 1 */
    const int32_t first_steps = (steps - 1) % params->segment_steps + 1;
    const int32_t unrolled = LP_SLOT_STEPS(by_columns);
    const int32_t whole = (steps + unrolled - 1) / unrolled * unrolled;
    lp_slot_band band;
    lp_slot_lines lines;
    lp_slot_outputs with;
    band.input = input;
    band.across = across;
    band.word_step = by_columns ? depth * band_rows : 1;
    band.channel_step = by_columns ? band_rows : across;
    band.row_step = by_columns ? 1 : depth * across;
    band.held = 0;
    band.first = 0;
    band.row = (int8_t *)scratch;
    band.words = (int32_t *)scratch + (across * slots * depth + 3) / 4;
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
    with.fours = conv->output_width / 4;
    with.sums_rest = lines.sums_pitch - 8 * with.fours;
    with.rest = (conv->output_width - 4 * with.fours) * conv->output_channels;
    for (int32_t y = 0; y < conv->output_height; y += params->rows) {
        const int32_t rows = lp_minimum(conv->output_height - y, params->rows);
        const int32_t count = by_columns ? lp_maximum(rows, 2) : across - first;
        lines.rests = rest == 4 ? count % 3 : (3 - count % 3) % 3;
        lines.threes = (count - rest * lines.rests) / 3;
        lines.lines = by_columns ? across - first : rows;
        fill(params, &band, y, rows);
        for (int32_t channel = 0; channel < conv->output_channels; channel++) {
            params->unpack(params, channel, weights);
            lines.words = band.words + (first - (words - 1)) * band.word_step;
            lines.weights = weights;
            lines.end = weights + first_steps * step_words;
            lines.skipped = (whole - first_steps) % unrolled;
            lines.sums = sums;
            for (int32_t done = first_steps;; done += params->segment_steps) {
                lines.adds = done > first_steps;
                for (int32_t i = 0; by_columns && i < count; i++) {
                    lines.above[i] = 0;
                    LP_OPAQUE(lines.above);
                }
                params->multiply(&lines);
                if (done >= steps) {
                    break;
                }
                lines.words = band.words + (first - (words - 1)) * band.word_step +
                              done * (lines.pitch / (int32_t)sizeof *lines.words);
                lines.weights = lines.end;
                lines.end += params->segment_steps * step_words;
                lines.skipped = (whole - params->segment_steps) % unrolled;
            }
            with.bias = lp_channels(conv->channels)[channel].bias;
            with.multiplier = lp_channels(conv->channels)[channel].multiplier;
            with.rows = rows;
            write(conv, &with, sums + (width - 1 - first * slots), output + channel);
        }
        output += rows * conv->output_width * conv->output_channels;
    }
}
