/* A row of one output channel, block by block of accumulators; LP_SLOTS is how many slots a word has,
 * LP_SLOT_WORDS how many words a row of the kernel.
 */
#ifndef LP_MULTIPLY_SLOTS_H
#define LP_MULTIPLY_SLOTS_H

#include "lp_slots.h"

#if LP_DSP

#define CHECK_OFFSET(field, offset)                                                                          \
    typedef char                                                                                             \
        field##_lies_at_##offset[__builtin_offsetof(lp_slot_row, field) == (offset) ? 1 : -1] LP_UNUSED
CHECK_OFFSET(words, 0);
CHECK_OFFSET(weights, 4);
CHECK_OFFSET(pitch, 8);
CHECK_OFFSET(end, 12);
CHECK_OFFSET(begin, 16);
CHECK_OFFSET(sums, 24);
CHECK_OFFSET(threes, 28);
CHECK_OFFSET(twos, 32);
CHECK_OFFSET(skipped, 36);
CHECK_OFFSET(adds, 40);

/* Accumulators are r2:r3, r4:r5 and r6:r7. */
#define FIRST(input, weight) "smlal   r2, r3, " input ", " weight "\n"
#define SECOND(input, weight) "smlal   r4, r5, " input ", " weight "\n"
#define THIRD(input, weight) "smlal   r6, r7, " input ", " weight "\n"
#define LOAD(to, from, at) "ldr.w   " to ", [" from ", #" at "]\n"
#define NEXT "add.w   r0, r0, r12\n"

/* A step of three accumulators and one of two: inputs from r0 on, weights at r1 + `at`. */
#if LP_SLOT_WORDS == 1
#define STEP_3(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r0", "0") LOAD("r10", "r0", "4") LOAD("r11", "r0", "8") NEXT FIRST("r9", "r8")               \
        SECOND("r10", "r8") THIRD("r11", "r8")
#define STEP_2(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r0", "0") LOAD("r10", "r0", "4") NEXT FIRST("r9", "r8") SECOND("r10", "r8")
#define STEPS(step) step("0") step("4") step("8") step("12")
#define STEP_3_BYTES "32"
#define STEP_2_BYTES "24"
#define STEP_WEIGHTS "4"
#define STEPS_WEIGHTS "16"
#define LOAD_END
#define END "lr"
#elif LP_SLOT_WORDS == 2
#define STEP_3(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4") LOAD("r10", "r0", "0") LOAD("r11", "r0", "4") FIRST("r10", "r9")               \
        FIRST("r11", "r8") SECOND("r11", "r9") LOAD("r10", "r0", "8") LOAD("r11", "r0", "12") NEXT           \
            SECOND("r10", "r8") THIRD("r10", "r9") THIRD("r11", "r8")
#define STEP_2(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4") LOAD("r10", "r0", "0") LOAD("r11", "r0", "4") FIRST("r10", "r9")               \
        FIRST("r11", "r8") SECOND("r11", "r9") LOAD("r10", "r0", "8") NEXT SECOND("r10", "r8")
#define STEPS(step) step("0") step("8") step("16") step("24")
#define STEP_3_BYTES "52"
#define STEP_2_BYTES "40"
#define STEP_WEIGHTS "8"
#define STEPS_WEIGHTS "32"
#define LOAD_END
#define END "lr"
#else
#define STEP_3(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4") LOAD("r10", "r1", at "+8") LOAD("r11", "r0", "0") LOAD("lr", "r0", "4")        \
        FIRST("r11", "r10") FIRST("lr", "r9") SECOND("lr", "r10") LOAD("r11", "r0", "8")                     \
            LOAD("lr", "r0", "12") FIRST("r11", "r8") SECOND("r11", "r9") THIRD("r11", "r10")                \
                SECOND("lr", "r8") THIRD("lr", "r9") LOAD("r11", "r0", "16") NEXT THIRD("r11", "r8")
#define STEP_2(at)                                                                                           \
    LOAD("r8", "r1", at)                                                                                     \
    LOAD("r9", "r1", at "+4") LOAD("r10", "r1", at "+8") LOAD("r11", "r0", "0") LOAD("lr", "r0", "4")        \
        FIRST("r11", "r10") FIRST("lr", "r9") SECOND("lr", "r10") LOAD("r11", "r0", "8")                     \
            LOAD("lr", "r0", "12") NEXT FIRST("r11", "r8") SECOND("r11", "r9") SECOND("lr", "r8")
#define STEPS(step) step("0") step("12") step("24") step("36")
#define STEP_3_BYTES "72"
#define STEP_2_BYTES "56"
#define STEP_WEIGHTS "12"
#define STEPS_WEIGHTS "48"
#define LOAD_END "ldr.w   r11, [sp, #12]\n"
#define END "r11"
#endif

/* Adds what is above the lower slots of one accumulator, r8, to the next, and leaves what is above its own.
 * Then SUMS writes its lower slots to r0 + `at`, or adds them if r1 is not 0. */
#define ADD_CARRY(low, high)                                                                                 \
    "adds.w  " low ", " low ", r8\n"                                                                         \
    "adc.w   " high ", " high ", r8, asr #31\n"
#if LP_SLOTS == 2
#define CARRY(low, high) ADD_CARRY(low, high) "mov.w   r8, " high "\n"
#define SUMS(low, high, at)                                                                                  \
    "cbz     r1, 7f\n" LOAD("r9", "r0", at) "add.w   " low ", " low ", r9\n"                                 \
                                            "7:\n"                                                           \
                                            "str.w   " low ", [r0, #" at "]\n"
#define PLACE_2 "4"
#define PLACE_3 "8"
#define TWO_BYTES "8"
#define THREE_BYTES "12"
#elif LP_SLOTS == 3
#define CARRY(low, high) ADD_CARRY(low, high) "asr.w   r8, " high ", #7\n"
#define SUMS(low, high, at)                                                                                  \
    "ubfx    r9, " low ", #0, #13\n"                                                                         \
    "ubfx    r10, " low ", #13, #13\n"                                                                       \
    "lsr.w   " low ", " low ", #26\n"                                                                        \
    "bfi     " low ", " high ", #6, #7\n"                                                                    \
    "cbz     r1, 7f\n"                                                                                       \
    "ldrh.w  r11, [r0, #" at "]\n"                                                                           \
    "ldrh.w  r12, [r0, #" at "+2]\n"                                                                         \
    "ldrh.w  lr, [r0, #" at "+4]\n"                                                                          \
    "add.w   r9, r9, r11\n"                                                                                  \
    "add.w   r10, r10, r12\n"                                                                                \
    "add.w   " low ", " low ", lr\n"                                                                         \
    "7:\n"                                                                                                   \
    "strh.w  r9, [r0, #" at "]\n"                                                                            \
    "strh.w  r10, [r0, #" at "+2]\n"                                                                         \
    "strh.w  " low ", [r0, #" at "+4]\n"
#define PLACE_2 "6"
#define PLACE_3 "12"
#define TWO_BYTES "12"
#define THREE_BYTES "18"
#else
#define CARRY(low, high) ADD_CARRY(low, high) "mov.w   r8, " high "\n"
#define SUMS(low, high, at)                                                                                  \
    "uxtb16  r9, " low "\n"                                                                                  \
    "uxtb16  r10, " low ", ror #8\n"                                                                         \
    "pkhbt   r11, r9, r10, lsl #16\n"                                                                        \
    "pkhtb   r12, r10, r9, asr #16\n"                                                                        \
    "cbz     r1, 7f\n" LOAD("r9", "r0", at) LOAD("r10", "r0", at "+4") "add.w   r11, r11, r9\n"              \
                                                                       "add.w   r12, r12, r10\n"             \
                                                                       "7:\n"                                \
                                                                       "str.w   r11, [r0, #" at "]\n"        \
                                                                       "str.w   r12, [r0, #" at "+4]\n"
#define PLACE_2 "8"
#define PLACE_3 "16"
#define TWO_BYTES "16"
#define THREE_BYTES "24"
#endif

/* Accumulators begin; r0 is where their inputs are, those of the next block `more` bytes later. */
#define BEGIN(more, entry)                                                                                   \
    "ldr     r0, [sp, #0]\n"                                                                                 \
    "ldr     r1, [sp, #4]\n"                                                                                 \
    "ldr     r2, [sp, #16]\n"                                                                                \
    "ldr     r3, [sp, #20]\n"                                                                                \
    "ldr.w   r12, [sp, #8]\n"                                                                                \
    "ldr.w   r8, [sp, #" entry "]\n"                                                                         \
    "ldr.w   lr, [sp, #12]\n"                                                                                \
    "add.w   r9, r0, #" more "\n"                                                                            \
    "str.w   r9, [sp, #0]\n"                                                                                 \
    "mov     r4, r2\n"                                                                                       \
    "mov     r5, r3\n"
#define LOOP_END(label)                                                                                      \
    "adds    r1, #" STEPS_WEIGHTS "\n" LOAD_END "cmp     r1, " END "\n"                                      \
    "bne.w   " label "b\n"                                                                                   \
    "ldr.w   r8, [sp, #44]\n"                                                                                \
    "ldr     r0, [sp, #24]\n"                                                                                \
    "ldr     r1, [sp, #40]\n"
#define BLOCK_END(bytes, left)                                                                               \
    "adds    r0, #" bytes "\n"                                                                               \
    "ldr     r1, [sp, #" left "]\n"                                                                          \
    "str     r0, [sp, #24]\n"                                                                                \
    "subs    r1, #1\n"                                                                                       \
    "str     r1, [sp, #" left "]\n"

/* Inline assembly inside a function could not have all fourteen registers at every optimization level. */
LP_NAKED static void multiply(lp_slot_row *row LP_UNUSED) {
    __asm__ volatile(
        /* Stack: 0-40 the row, 44 what is above the slots of the accumulator before, 48 and 52 where loops of
         * three and of two accumulators are entered. */
        "push    {r4-r11, lr}\n"
        "sub     sp, sp, #60\n"
        "ldmia.w r0, {r1-r11}\n"
        "movs    r0, #" STEP_WEIGHTS "\n"
        "mls     r2, r10, r0, r2\n"
        "stmia.w sp, {r1-r11}\n"
        "movs    r0, #0\n"
        "str     r0, [sp, #44]\n"
        "adr.w   r0, 1f\n"
        "adr.w   r1, 2f\n"
        "movs    r2, #" STEP_3_BYTES "\n"
        "movs    r3, #" STEP_2_BYTES "\n"
        "mla     r0, r10, r2, r0\n"
        "mla     r1, r10, r3, r1\n"
        "orr.w   r0, r0, #1\n"
        "orr.w   r1, r1, #1\n"
        "str     r0, [sp, #48]\n"
        "str     r1, [sp, #52]\n"
        "cmp.w   r8, #0\n"
        "beq.w   4f\n"
        "3:\n" /* three accumulators */
        BEGIN("12", "48") "mov     r6, r2\n"
                          "mov     r7, r3\n"
                          "bx      r8\n"
                          ".balign 4\n"
                          "1:\n" STEPS(STEP_3) LOOP_END("1") CARRY("r2", "r3") CARRY("r4", "r5")
                              CARRY("r6", "r7") "str.w   r8, [sp, #44]\n" SUMS("r2", "r3", "0")
                                  SUMS("r4", "r5", PLACE_2) SUMS("r6", "r7", PLACE_3)
                                      BLOCK_END(THREE_BYTES, "28") "bne.w   3b\n"
                                                                   "4:\n"
                                                                   "ldr     r1, [sp, #32]\n"
                                                                   "cmp     r1, #0\n"
                                                                   "beq.w   6f\n"
                                                                   "5:\n" /* two accumulators */
        BEGIN("8", "52") "bx      r8\n"
                         ".balign 4\n"
                         "2:\n" STEPS(STEP_2) LOOP_END("2") CARRY("r2", "r3") CARRY("r4", "r5")
                             "str.w   r8, [sp, #44]\n" SUMS("r2", "r3", "0") SUMS("r4", "r5", PLACE_2)
                                 BLOCK_END(TWO_BYTES, "32") "bne.w   5b\n"
                                                            "6:\n"
                                                            "add     sp, sp, #60\n"
                                                            "pop     {r4-r11, pc}\n");
}

#else

static void multiply(lp_slot_row *row) {
    const int32_t bits = LP_SLOT_BITS(LP_SLOTS);
    const int32_t pitch = row->pitch / (int32_t)sizeof *row->words;
    const int64_t begin = (int64_t)((uint64_t)row->begin[1] << 32 | row->begin[0]);
    int64_t above = 0;
    for (int32_t left = 3 * row->threes + 2 * row->twos; left > 0; left--, row->words++) {
        const int32_t *words = row->words;
        int64_t sum = begin + above;
        for (const int32_t *weights = row->weights; weights < row->end; words += pitch) {
            for (int32_t i = LP_SLOT_WORDS - 1; i >= 0; i--) {
                sum += (int64_t)words[i] * *weights++;
            }
        }
        for (int32_t i = 0; i < LP_SLOTS; i++, row->sums++) {
            const uint16_t slot = (uint16_t)(sum & ((1 << bits) - 1));
            *row->sums = (uint16_t)(row->adds ? *row->sums + slot : slot);
            sum >>= bits;
        }
        above = sum;
    }
}

#endif

#endif
