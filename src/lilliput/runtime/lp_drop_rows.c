#include "lp_image.h"

#if defined(__GNUC__) || defined(__clang__)
typedef uint32_t __attribute__((may_alias)) word;

/* Words of a place aligned to 4, four at a time; what is left over is not copied. */
static int32_t move_words(const int8_t *from, int8_t *to, int32_t bytes) {
    const word *source = (const word *)(const void *)from;
    word *target = (word *)(void *)to;
    int32_t left = bytes;
    for (; left >= 16; left -= 16, source += 4, target += 4) {
        const word a = source[0];
        const word b = source[1];
        const word c = source[2];
        const word d = source[3];
        target[0] = a;
        target[1] = b;
        target[2] = c;
        target[3] = d;
        LP_OPAQUE(target);
    }
    return bytes - left;
}
#else
static int32_t move_words(const int8_t *from, int8_t *to, int32_t bytes) {
    (void)from;
    (void)to;
    (void)bytes;
    return 0;
}
#endif

void lp_drop_rows(lp_image *image, int32_t first) {
    const int32_t kept = lp_minimum(first, image->end);
    if (kept > image->first) {
        const int8_t *from = lp_row(image, kept);
        const int32_t bytes = (image->end - kept) * image->row_bytes;
        const int32_t is_aligned = (((uintptr_t)from | (uintptr_t)image->data) & 3u) == 0u;
        const int32_t moved = is_aligned ? move_words(from, image->data, bytes) : 0;
        lp_copy_rows(from + moved, image->data + moved, 1, (uint32_t)(bytes - moved), 0);
        image->first = kept;
    }
}
