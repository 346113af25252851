/* Lines of accumulators; LP_SLOTS is how many slots a word of inputs has, LP_TAPS how many one of
 * weights, LP_STEP_WORDS how many words of weights a step
 * has, LP_SLOT_COLUMNS whether lines are columns.
 */
#ifndef LP_MULTIPLY_SLOTS_H
#define LP_MULTIPLY_SLOTS_H

#include "lp_slots.h"

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_slot_lines, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(words, 0);
CHECK_OFFSET(weights, 4);
CHECK_OFFSET(pitch, 8);
CHECK_OFFSET(end, 12);
CHECK_OFFSET(begin, 16);
CHECK_OFFSET(sums, 24);
CHECK_OFFSET(threes, 28);
CHECK_OFFSET(rests, 32);
CHECK_OFFSET(skipped, 36);
CHECK_OFFSET(adds, 40);
CHECK_OFFSET(lines, 44);
CHECK_OFFSET(line_step, 48);
CHECK_OFFSET(above, 52);
CHECK_OFFSET(sums_pitch, 56);

/* Accumulators are r2:r3, r4:r5, r6:r7 and r8:r9. */
#define FIRST(input, weight) "smlal   r2, r3, " input ", " weight "\n"
#define SECOND(input, weight) "smlal   r4, r5, " input ", " weight "\n"
#define THIRD(input, weight) "smlal   r6, r7, " input ", " weight "\n"
#define FOURTH(input, weight) "smlal   r8, r9, " input ", " weight "\n"
#define LOAD(to, from, at) "ldr.w   " to ", [" from ", #" at "]\n"
#define STORE(value, to, at) "str.w   " value ", [" to ", #" at "]\n"
#define NEXT "add.w   r0, r0, r12\n"

/* A step of three accumulators, and one of a rest of two or four: inputs from r0 on, weights at r1 + `at`. */
#if LP_STEP_WORDS == 2
#define STEP_3(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4")                                                                                \
    LOAD("r10", "r0", "0")                                                                                   \
    LOAD("r11", "r0", "4")                                                                                   \
    FIRST("r10", "r9")                                                                                       \
    FIRST("r11", "r8")                                                                                       \
    SECOND("r11", "r9")                                                                                      \
    LOAD("r10", "r0", "8")                                                                                   \
    LOAD("r11", "r0", "12") NEXT SECOND("r10", "r8") THIRD("r10", "r9") THIRD("r11", "r8")
#define STEP_REST(at)                                                                                        \
    LOAD("r10", "r1", at)                                                                                    \
    LOAD("r11", "r1", at "+4")                                                                               \
    LOAD("r12", "r0", "0")                                                                                   \
    LOAD("lr", "r0", "4")                                                                                    \
    FIRST("r12", "r11")                                                                                      \
    FIRST("lr", "r10")                                                                                       \
    SECOND("lr", "r11")                                                                                      \
    LOAD("r12", "r0", "8")                                                                                   \
    LOAD("lr", "r0", "12")                                                                                   \
    SECOND("r12", "r10")                                                                                     \
    THIRD("r12", "r11")                                                                                      \
    THIRD("lr", "r10")                                                                                       \
    FOURTH("lr", "r11")                                                                                      \
    LOAD("r12", "r0", "16") LOAD("lr", "sp", "8") FOURTH("r12", "r10") "add.w   r0, r0, lr\n"
#define STEP_3_BYTES "52"
#define STEP_REST_BYTES "68"
#define STEP_WEIGHTS "8"
#define REST_INPUTS "16"
#define REST_BEGINS                                                                                          \
    "mov     r6, r2\n"                                                                                       \
    "mov     r7, r3\n"                                                                                       \
    "mov     r8, r2\n"                                                                                       \
    "mov     r9, r3\n"
#else
#define STEP_3(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4")                                                                                \
    LOAD("r10", "r1", at "+8")                                                                               \
    LOAD("r11", "r0", "0")                                                                                   \
    LOAD("lr", "r0", "4")                                                                                    \
    FIRST("r11", "r10")                                                                                      \
    FIRST("lr", "r9")                                                                                        \
    SECOND("lr", "r10")                                                                                      \
    LOAD("r11", "r0", "8")                                                                                   \
    LOAD("lr", "r0", "12")                                                                                   \
    FIRST("r11", "r8")                                                                                       \
    SECOND("r11", "r9")                                                                                      \
    THIRD("r11", "r10") SECOND("lr", "r8") THIRD("lr", "r9") LOAD("r11", "r0", "16") NEXT THIRD("r11", "r8")
#define STEP_REST(at)                                                                                        \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4")                                                                                \
    LOAD("r10", "r1", at "+8")                                                                               \
    LOAD("r11", "r0", "0")                                                                                   \
    LOAD("lr", "r0", "4")                                                                                    \
    FIRST("r11", "r10")                                                                                      \
    FIRST("lr", "r9")                                                                                        \
    SECOND("lr", "r10")                                                                                      \
    LOAD("r11", "r0", "8")                                                                                   \
    LOAD("lr", "r0", "12") NEXT FIRST("r11", "r8") SECOND("r11", "r9") SECOND("lr", "r8")
#define STEP_3_BYTES "72"
#define STEP_REST_BYTES "56"
#define STEP_WEIGHTS "12"
#define REST_INPUTS "8"
#define REST_BEGINS
#endif

#if LP_SLOT_COLUMNS
#define STEPS(step) step("0") step("12") step("24") step("36") step("48") step("60") step("72") step("84")
#define STEPS_WEIGHTS "96"
#elif LP_STEP_WORDS == 2
#define STEPS(step) step("0") step("8") step("16") step("24") step("32")
#define STEPS_WEIGHTS "40"
#else
#define STEPS(step) step("0") step("12") step("24") step("36") step("48")
#define STEPS_WEIGHTS "60"
#endif

/* Adds r9, r10 and r11 to accumulators: what those before them have above their lower slots. */
#define ADD(low, high, above)                                                                                \
    "adds.w  " low ", " low ", " above "\n"                                                                  \
    "adc.w   " high ", " high ", " above ", asr #31\n"

/* The lower slots of an accumulator as sums: halfwords or pairs of them, the last in `low`. */
#if LP_SLOTS == 2 && LP_TAPS == 3
#define ABOVE(to, low, high)                                                                                 \
    "lsr.w   " to ", " low ", #26\n"                                                                         \
    "orr.w   " to ", " to ", " high ", lsl #6\n"
#define ABOVE_OF(shifted, high) shifted
#define SUMS_BYTES "4"
#define TAKE(low, high)                                                                                      \
    "ubfx    r10, " low ", #0, #13\n"                                                                        \
    "ubfx    " low ", " low ", #13, #13\n"                                                                   \
    "pkhbt   " low ", r10, " low ", lsl #16\n"
#define ADD_OLD(low, high)                                                                                   \
    "ldr.w   r10, [r0]\n"                                                                                    \
    "add.w   " low ", " low ", r10\n"
#define PUT(low, high) "str.w   " low ", [r0]\n"
#elif LP_SLOTS == 2
#define ABOVE(to, low, high)
#define ABOVE_OF(shifted, high) high
#define SUMS_BYTES "4"
#define TAKE(low, high)
#define ADD_OLD(low, high)                                                                                   \
    "ldr.w   r10, [r0]\n"                                                                                    \
    "add.w   " low ", " low ", r10\n"
#define PUT(low, high) "str.w   " low ", [r0]\n"
#elif LP_SLOTS == 3
#define ABOVE(to, low, high) "asr.w   " to ", " high ", #7\n"
#define ABOVE_OF(shifted, high) shifted
#define SUMS_BYTES "6"
#define TAKE(low, high)                                                                                      \
    "ubfx    r10, " low ", #0, #13\n"                                                                        \
    "ubfx    r11, " low ", #13, #13\n"                                                                       \
    "lsr.w   " low ", " low ", #26\n"                                                                        \
    "bfi     " low ", " high ", #6, #7\n"
#define ADD_OLD(low, high)                                                                                   \
    "ldrh.w  r12, [r0]\n"                                                                                    \
    "ldrh.w  lr, [r0, #2]\n"                                                                                 \
    "ldrh.w  " high ", [r0, #4]\n"                                                                           \
    "add     r10, r12\n"                                                                                     \
    "add     r11, lr\n"                                                                                      \
    "add     " low ", " high "\n"
#define PUT(low, high)                                                                                       \
    "strh.w  r10, [r0]\n"                                                                                    \
    "strh.w  r11, [r0, #2]\n"                                                                                \
    "strh.w  " low ", [r0, #4]\n"
#else
#define ABOVE(to, low, high)
#define ABOVE_OF(shifted, high) high
#define SUMS_BYTES "8"
#define TAKE(low, high)                                                                                      \
    "uxtb16  r10, " low "\n"                                                                                 \
    "uxtb16  " high ", " low ", ror #8\n"                                                                    \
    "pkhbt   " low ", r10, " high ", lsl #16\n"                                                              \
    "pkhtb   " high ", " high ", r10, asr #16\n"
#define ADD_OLD(low, high)                                                                                   \
    "ldr.w   r10, [r0]\n"                                                                                    \
    "ldr.w   r11, [r0, #4]\n"                                                                                \
    "add     " low ", r10\n"                                                                                 \
    "add     " high ", r11\n"
#define PUT(low, high)                                                                                       \
    "str.w   " low ", [r0]\n"                                                                                \
    "str.w   " high ", [r0, #4]\n"
#endif

#if LP_SLOT_COLUMNS
/* r8 is where each row has what is above, then the distance of rows of sums. */
#define ADD_REST                                                                                             \
    "ldr.w   r8, [sp, #72]\n"                                                                                \
    "ldr.w   r9, [r8]\n"                                                                                     \
    "ldr.w   r10, [r8, #4]\n" ADD("r2", "r3", "r9") ADD("r4", "r5", "r10") ABOVE("r9", "r2", "r3") ABOVE(    \
        "r10", "r4", "r5") "stmia.w r8!, {" ABOVE_OF("r9", "r3") ", " ABOVE_OF("r10", "r5") "}\n" COLUMN_END
#define ADD_3                                                                                                \
    "ldr.w   r8, [sp, #72]\n"                                                                                \
    "ldmia.w r8, {r9-r11}\n" ADD("r2", "r3", "r9") ADD("r4", "r5", "r10") ADD("r6", "r7", "r11")             \
        ABOVE("r9", "r2", "r3") ABOVE("r10", "r4", "r5") ABOVE("r11", "r6", "r7") "stmia.w r8!, {" ABOVE_OF( \
            "r9", "r3") ", " ABOVE_OF("r10", "r5") ", " ABOVE_OF("r11", "r7") "}\n" COLUMN_END
#define COLUMN_END                                                                                           \
    "str.w   r8, [sp, #72]\n"                                                                                \
    "ldr.w   r8, [sp, #56]\n"
#define BESIDE "add     r0, r8\n"
#define LINE_BEGIN                                                                                           \
    "ldr     r0, [sp, #52]\n"                                                                                \
    "str     r0, [sp, #72]\n"                                                                                \
    "ldr     r0, [sp, #76]\n"                                                                                \
    "str     r0, [sp, #24]\n"                                                                                \
    "adds    r0, #" SUMS_BYTES "\n"                                                                          \
    "str     r0, [sp, #76]\n"
#else
#define ADD_2                                                                                                \
    "ldr.w   lr, [sp, #72]\n" ADD("r2", "r3", "lr") ABOVE("lr", "r2", "r3")                                  \
        ADD("r4", "r5", ABOVE_OF("lr", "r3")) ABOVE("lr", "r4", "r5")
#define ADD_3                                                                                                \
    ADD_2 ADD("r6", "r7", ABOVE_OF("lr", "r5"))                                                              \
        ABOVE("lr", "r6", "r7") "str.w   " ABOVE_OF("lr", "r7") ", [sp, #72]\n"
#if LP_STEP_WORDS == 2
#define ADD_REST                                                                                             \
    ADD_2 ADD("r6", "r7", ABOVE_OF("lr", "r5")) ABOVE("lr", "r6", "r7")                                      \
        ADD("r8", "r9", ABOVE_OF("lr", "r7"))                                                                \
            ABOVE("lr", "r8", "r9") "str.w   " ABOVE_OF("lr", "r9") ", [sp, #72]\n"
#else
#define ADD_REST ADD_2 "str.w   " ABOVE_OF("lr", "r5") ", [sp, #72]\n"
#endif
#define BESIDE "adds    r0, #" SUMS_BYTES "\n"
#define LINE_BEGIN                                                                                           \
    "movs    r0, #0\n"                                                                                       \
    "str     r0, [sp, #72]\n"
#endif

/* Sums are written to r0, or added to what is there. */
#define SUMS(low, high) TAKE(low, high) PUT(low, high) BESIDE
#define MORE_SUMS(low, high) TAKE(low, high) ADD_OLD(low, high) PUT(low, high) BESIDE
#define OUT(add, sums, more_sums)                                                                            \
    add "ldr     r0, [sp, #24]\n"                                                                            \
        "ldr     r1, [sp, #40]\n"                                                                            \
        "cmp     r1, #0\n"                                                                                   \
        "beq.w   7f\n" more_sums "b.w     9f\n"                                                              \
        "7:\n" sums "9:\n"                                                                                   \
        "str     r0, [sp, #24]\n"
#define BOTH(sums) sums("r2", "r3") sums("r4", "r5")
#if LP_SLOTS == 2 && LP_TAPS == 2 && !LP_SLOT_COLUMNS
#define SUMS_3 "stmia.w r0!, {r2, r4, r6}\n"
#else
#define SUMS_3 BOTH(SUMS) SUMS("r6", "r7")
#endif
#define MORE_SUMS_3 BOTH(MORE_SUMS) MORE_SUMS("r6", "r7")
#if LP_STEP_WORDS == 2
#define SUMS_REST SUMS_3 SUMS("r8", "r9")
#define MORE_SUMS_REST MORE_SUMS_3 MORE_SUMS("r8", "r9")
#else
#define SUMS_REST BOTH(SUMS)
#define MORE_SUMS_REST BOTH(MORE_SUMS)
#endif

/* Accumulators begin, and those of the next block take inputs `more` bytes later. */
#define ACCUMULATE(more, entry)                                                                              \
    "ldr     r0, [sp, #0]\n"                                                                                 \
    "ldr     r1, [sp, #4]\n"                                                                                 \
    "ldr     r2, [sp, #16]\n"                                                                                \
    "ldr     r3, [sp, #20]\n"                                                                                \
    "ldr.w   r12, [sp, #8]\n"                                                                                \
    "ldr.w   lr, [sp, #" entry "]\n"                                                                         \
    "add.w   r9, r0, #" more "\n"                                                                            \
    "str.w   r9, [sp, #0]\n"                                                                                 \
    "mov     r4, r2\n"                                                                                       \
    "mov     r5, r3\n"
#define LOOP_END(label)                                                                                      \
    "ldr.w   r11, [sp, #12]\n"                                                                               \
    "adds    r1, #" STEPS_WEIGHTS "\n"                                                                       \
    "cmp     r1, r11\n"                                                                                      \
    "bne.w   " label "b\n"
#define COUNT(left)                                                                                          \
    "ldr     r1, [sp, #" left "]\n"                                                                          \
    "subs    r1, #1\n"                                                                                       \
    "str     r1, [sp, #" left "]\n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply(lp_slot_lines *lines LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 0-56 the lines, of which 0 and 24 go on; 60 and 64 where loops of three accumulators
         * and of the rest are entered, 68 blocks to go, 72 what is above, or where that is, 76 where sums of
         * the column are, 80 where inputs of the line are. */
        "push    {r4-r11, lr}\n"
        "sub     sp, sp, #84\n"
        "mov     lr, r0\n"
        "ldmia.w lr!, {r1-r11}\n"
        "movs    r0, #" STEP_WEIGHTS "\n"
        "mls     r2, r10, r0, r2\n"
        "mov     r12, sp\n"
        "stmia.w r12!, {r1-r11}\n"
        "ldmia.w lr, {r4-r7}\n"
        "stmia.w r12, {r4-r7}\n"
        "ldr.w   r7, [sp, #24]\n"
        "str.w   r7, [sp, #76]\n"
        "str.w   r1, [sp, #80]\n"
        "adr.w   r0, 1f\n"
        "adr.w   r1, 2f\n"
        "movs    r2, #" STEP_3_BYTES "\n"
        "movs    r3, #" STEP_REST_BYTES "\n"
        "mla     r0, r10, r2, r0\n"
        "mla     r1, r10, r3, r1\n"
        "orr.w   r0, r0, #1\n"
        "orr.w   r1, r1, #1\n"
        "str     r0, [sp, #60]\n"
        "str     r1, [sp, #64]\n"
        "8:\n" /* a line */
        "ldr     r0, [sp, #80]\n"
        "ldr     r1, [sp, #48]\n"
        "ldr     r2, [sp, #28]\n"
        "str     r0, [sp, #0]\n"
        "add     r0, r1\n"
        "str     r0, [sp, #80]\n"
        "str     r2, [sp, #68]\n" LINE_BEGIN "cmp     r2, #0\n"
        "beq.w   4f\n"
        "3:\n" /* three accumulators */
        ACCUMULATE("12", "60") "mov     r6, r2\n"
                               "mov     r7, r3\n"
                               "bx      lr\n"
                               ".balign 4\n"
                               "1:\n" STEPS(STEP_3) LOOP_END("1") OUT(ADD_3, SUMS_3, MORE_SUMS_3)
                                   COUNT("68") "bne.w   3b\n"
                                               "4:\n"
                                               "ldr     r2, [sp, #32]\n"
                                               "str     r2, [sp, #68]\n"
                                               "cmp     r2, #0\n"
                                               "beq.w   6f\n"
                                               "5:\n" /* the rest */
        ACCUMULATE(REST_INPUTS, "64") REST_BEGINS
        "bx      lr\n"
        ".balign 4\n"
        "2:\n" STEPS(STEP_REST) LOOP_END("2") OUT(ADD_REST, SUMS_REST, MORE_SUMS_REST)
            COUNT("68") "bne.w   5b\n"
                        "6:\n" COUNT("44") "bne.w   8b\n"
                                           "add     sp, sp, #84\n"
                                           "pop     {r4-r11, pc}\n");
}

#else

static void multiply(lp_slot_lines *all) {
    const int32_t bits = LP_SLOT_BITS(LP_SLOTS, LP_TAPS);
    const int32_t pitch = all->pitch / (int32_t)sizeof *all->words;
    const int32_t count = 3 * all->threes + LP_SLOT_REST(LP_SLOT_COLUMNS, LP_STEP_WORDS) * all->rests;
    const uint64_t begin = (uint64_t)all->begin[1] << 32 | all->begin[0];
    for (int32_t line = 0; line < all->lines; line++) {
        int32_t above = 0;
        for (int32_t i = 0; i < count; i++) {
            const int32_t *words = all->words + line * (all->line_step / (int32_t)sizeof *words) + i;
            uint16_t *sums = all->sums;
            int32_t *const beside = LP_SLOT_COLUMNS ? &all->above[i] : &above;
            uint64_t sum = begin + (uint64_t)(int64_t)*beside;
            for (const int32_t *weights = all->weights; weights < all->end; words += pitch) {
                for (int32_t word = LP_STEP_WORDS - 1; word >= 0; word--) {
                    sum += (uint64_t)((int64_t)words[word] * *weights++);
                }
            }
            sums += LP_SLOT_COLUMNS ? i * (all->sums_pitch / (int32_t)sizeof *sums) + line * LP_SLOTS
                                    : (line * count + i) * LP_SLOTS;
            for (int32_t slot = 0; slot < LP_SLOTS; slot++) {
                const uint32_t value = (uint32_t)(sum >> (bits * slot)) & ((1u << bits) - 1);
                sums[slot] = (uint16_t)(all->adds ? sums[slot] + value : value);
            }
            *beside = (int32_t)((int64_t)sum >> (bits * LP_SLOTS));
        }
    }
}

#endif

#endif
