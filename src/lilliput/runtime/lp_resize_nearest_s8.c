#include "lp_internal.h"

void lp_resize_nearest_s8(const lp_resize_nearest_params *params, const int8_t *input, int8_t *output) {
    const uint32_t depth = params->channels;
    const uint32_t row_bytes = params->input_width * depth;
    for (uint32_t y = 0; y < params->output_height; y++) {
        const int8_t *const row = input + params->rows[y] * row_bytes;
        for (uint32_t x = 0; x < params->output_width; x++) {
            lp_copy_rows(row + params->columns[x] * depth, output, 1, depth, 0);
            output += depth;
        }
    }
}
