/* Products of signs by bits are counted: with the bits of a window and those that tell which weights are -1,
 * a sum of products is count(window) - 2 * count(window & signs). */
#define LP_TFLM 0
#include "lp_dsp.h"
#include "lp_formats.h"
#include "lp_profile.h"

/* Makes what reads from a pointer wait for a and b, so that they need few registers at a time. */
#if defined(__GNUC__) || defined(__clang__)
#define LP_IN_TURN(pointer, a, b) __asm__("" : "+r"(pointer), "+r"(a), "+r"(b))
#else
#define LP_IN_TURN(pointer, a, b) ((void)0)
#endif

/* Masks of every second bit and of every second pair; in registers an instruction can shift what it masks. */
typedef struct {
    uint32_t ones, pairs;
} lp_masks;

LP_INLINE void lp_masks_begin(lp_masks *masks) {
    masks->ones = 0x55555555u;
    masks->pairs = 0x33333333u;
    LP_OPAQUE(masks->ones);
    LP_OPAQUE(masks->pairs);
}

/* How many of each four bits are set. */
LP_INLINE uint32_t lp_counts_of_fours(uint32_t bits, const lp_masks *masks) {
    bits -= (bits >> 1) & masks->ones;
    return (bits & masks->pairs) + ((bits >> 2) & masks->pairs);
}

/* The sum of eight counts of 4 bits, added to another. */
LP_INLINE int32_t lp_add_counts(uint32_t counts, int32_t sum) {
    const uint32_t bytes = (counts & 0x0f0f0f0fu) + ((counts >> 4) & 0x0f0f0f0fu);
#if LP_DSP
    __asm__("usada8 %0, %1, %2, %0" : "+r"(sum) : "r"(bytes), "r"(0));
    return sum;
#else
    return sum + (int32_t)((bytes * 0x01010101u) >> 24);
#endif
}

/* Every other word is filled with bits one behind the other, from bit 0 on: windows of two pixels lie word
 * beside word, so that the signs of weights are read once for both. */
typedef struct {
    uint32_t *to;
    uint32_t held;
    int32_t filled; /* bits of `held` */
} lp_bits;

/* Fewer than 32 bits. */
LP_INLINE void lp_put_bits(lp_bits *bits, uint32_t more, int32_t count) {
    bits->held |= more << bits->filled;
    bits->filled += count;
    if (bits->filled >= 32) {
        *bits->to = bits->held;
        bits->to += 2;
        bits->filled -= 32;
        bits->held = more >> (count - bits->filled);
    }
}

/* -1 becomes 0, and 0 becomes 1. */
LP_INLINE uint32_t lp_four_bits(const int8_t *from) {
#if LP_DSP
    return ((~lp_load_4(from) & 0x08040201u) * 0x10101010u) >> 28;
#else
    return (uint32_t)((from[0] & 1) | (from[1] & 2) | (from[2] & 4) | (from[3] & 8)) ^ 15u;
#endif
}

LP_INLINE uint32_t lp_sixteen_bits(const int8_t *from) {
    return lp_four_bits(from) | lp_four_bits(from + 4) << 4 | lp_four_bits(from + 8) << 8 |
           lp_four_bits(from + 12) << 12;
}

/* Inputs that lie side by side. */
static LP_NOINLINE void lp_put_inputs(lp_bits *to, const int8_t *from, int32_t count) {
    lp_bits bits = {to->to, to->held, to->filled};
    for (; count >= 32; count -= 32, from += 32) {
        const uint32_t word = lp_sixteen_bits(from) | lp_sixteen_bits(from + 16) << 16;
        *bits.to = bits.held | word << bits.filled;
        bits.to += 2;
        bits.held = word >> 1 >> (31 - bits.filled);
    }
    for (; count >= 4; count -= 4, from += 4) {
        lp_put_bits(&bits, lp_four_bits(from), 4);
    }
    for (; count > 0; count--, from++) {
        lp_put_bits(&bits, (uint32_t)(*from + 1), 1);
    }
    to->to = bits.to;
    to->held = bits.held;
    to->filled = bits.filled;
}

static LP_NOINLINE void lp_put_padding_bits(lp_bits *bits, uint32_t bit, int32_t count) {
    for (; count > 16; count -= 16) {
        lp_put_bits(bits, bit * 0xffffu, 16);
    }
    lp_put_bits(bits, bit * (((uint32_t)1 << count) - 1), count);
}

LP_INLINE void lp_put_padding(lp_bits *bits, uint32_t bit, int32_t count) {
    if (count > 0) {
        lp_put_padding_bits(bits, bit, count);
    }
}

/* The window whose first element would be at y, x. */
static LP_NOINLINE void lp_put_window(const lp_conv2d_params *params, const int8_t *input, int32_t y,
                                      int32_t x, uint32_t *to) {
    const int32_t depth = params->input_channels;
    const int32_t length = params->kernel_width * depth;
    const uint32_t padding = (uint32_t)params->input_zero_point;
    const lp_span rows = lp_inside(y, params->kernel_height, params->dilation_y, params->input_height);
    const lp_span columns = lp_inside(x, params->kernel_width, params->dilation_x, params->input_width);
    const int32_t run = params->dilation_x == 1 ? columns.end - columns.begin : 1;
    lp_bits bits = {to, 0, 0};
    lp_put_padding(&bits, padding, rows.begin * length);
    for (int32_t row = rows.begin; row < rows.end; row++) {
        const int8_t *const line = input + ((y + row * params->dilation_y) * params->input_width + x) * depth;
        lp_put_padding(&bits, padding, columns.begin * depth);
        for (int32_t column = columns.begin; column < columns.end; column += run) {
            lp_put_inputs(&bits, line + column * params->dilation_x * depth, run * depth);
        }
        lp_put_padding(&bits, padding, (params->kernel_width - columns.end) * depth);
    }
    lp_put_padding(&bits, padding, (params->kernel_height - rows.end) * length);
    if (bits.filled > 0) {
        *bits.to = bits.held;
    }
}

static LP_NOINLINE int32_t lp_ones_of(const uint32_t *window, int32_t words) {
    lp_masks masks;
    int32_t ones = 0;
    lp_masks_begin(&masks);
    for (; words > 0; words--, window += 2) {
        ones = lp_add_counts(lp_counts_of_fours(*window, &masks), ones);
    }
    return ones;
}

LP_INLINE int8_t lp_binary_output(const lp_conv2d_params *conv, const lp_channel *channel, int32_t sum,
                                  int32_t shift) {
    return lp_requantize(sum + channel->bias, channel->multiplier, shift, conv->output_zero_point,
                         conv->minimum, conv->maximum);
}

/* All channels of one pixel. */
static LP_NOINLINE void lp_binary_pixel(const lp_binary_params *params, const uint32_t *windows,
                                        int32_t words, int32_t ones, int8_t *output) {
    const lp_conv2d_params *conv = &params->conv;
    const lp_channel *channel = lp_channels(conv->channels);
    const uint32_t *signs = params->weights;
    lp_masks masks;
    lp_masks_begin(&masks);
    for (int32_t left = conv->output_channels; left > 0; left--, channel++) {
        const uint32_t *window = windows;
        int32_t negative = 0;
        for (int32_t word = words; word > 0; word--, window += 2) {
            negative = lp_add_counts(lp_counts_of_fours(*signs++ & *window, &masks), negative);
        }
        *output++ = lp_binary_output(conv, channel, ones - 2 * negative, conv->shift);
    }
}

/* All channels of two pixels.  Counts of three words fit four bits, so that they are summed together. */
LP_INLINE void lp_binary_pixels_at(const lp_binary_params *params, const uint32_t *windows, int32_t words,
                                   const int32_t *ones, int8_t *output, int32_t shift) {
    const lp_conv2d_params *conv = &params->conv;
    const lp_channel *channel = lp_channels(conv->channels);
    const uint32_t *signs = params->weights;
    lp_masks masks;
    lp_masks_begin(&masks);
    for (int32_t left = conv->output_channels; left > 0; left--, channel++, output++) {
        const uint32_t *window = windows;
        int32_t first = 0;
        int32_t second = 0;
        int32_t word = words - 3;
        for (; word >= 0; word -= 3, signs += 3, window += 6) {
            uint32_t a = lp_counts_of_fours(signs[0] & window[0], &masks);
            uint32_t b = lp_counts_of_fours(signs[0] & window[1], &masks);
            LP_IN_TURN(window, a, b);
            a += lp_counts_of_fours(signs[1] & window[2], &masks);
            b += lp_counts_of_fours(signs[1] & window[3], &masks);
            LP_IN_TURN(window, a, b);
            a += lp_counts_of_fours(signs[2] & window[4], &masks);
            b += lp_counts_of_fours(signs[2] & window[5], &masks);
            first = lp_add_counts(a, first);
            second = lp_add_counts(b, second);
            LP_OPAQUE(signs);
        }
        for (word += 3; word > 0; word--, signs++, window += 2) {
            first = lp_add_counts(lp_counts_of_fours(*signs & window[0], &masks), first);
            second = lp_add_counts(lp_counts_of_fours(*signs & window[1], &masks), second);
        }
        output[0] = lp_binary_output(conv, channel, ones[0] - 2 * first, shift);
        output[conv->output_channels] = lp_binary_output(conv, channel, ones[1] - 2 * second, shift);
    }
}

static LP_NOINLINE void lp_binary_pixels(const lp_binary_params *params, const uint32_t *windows,
                                         int32_t words, const int32_t *ones, int8_t *output) {
    if (params->conv.shift == 32) {
        lp_binary_pixels_at(params, windows, words, ones, output, 32);
    } else {
        lp_binary_pixels_at(params, windows, words, ones, output, params->conv.shift);
    }
}

void lp_conv2d_binary_s8(const lp_binary_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const lp_conv2d_params *conv = &params->conv;
    const int32_t elements = (int32_t)conv->kernel_height * conv->kernel_width * conv->input_channels;
    const int32_t words = (elements + 31) / 32;
    uint32_t *const windows = (uint32_t *)scratch;
    int32_t ones[2];
    int32_t y = -(int32_t)conv->padding_top;
    for (int32_t row = conv->output_height; row > 0; row--, y += conv->stride_y) {
        int32_t x = -(int32_t)conv->padding_left;
        for (int32_t left = conv->output_width; left > 0; left -= 2) {
            const int32_t pixels = lp_minimum(left, 2);
            for (int32_t pixel = 0; pixel < pixels; pixel++, x += conv->stride_x) {
                lp_put_window(conv, input, y, x, windows + pixel);
                ones[pixel] = lp_ones_of(windows + pixel, words);
            }
            if (pixels == 2) {
                lp_binary_pixels(params, windows, words, ones, output);
            } else {
                lp_binary_pixel(params, windows, words, ones[0], output);
            }
            output += pixels * conv->output_channels;
        }
    }
}
