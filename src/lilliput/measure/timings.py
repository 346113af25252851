"""How long instructions take on each core, with memory that never waits.

Sources, one a core:

- Cortex-M4: Arm DDI 0439, "Instruction set summary" and "Load/store timings": most instructions take one
  cycle; a load two, or one when it follows a load whose result it does not need; a store one, since a buffer
  takes it, or two with a register offset; multiple transfers one and one more a word; a division 2 to 12; a
  taken branch one and the refill.
- Cortex-M3: Arm DDI 0337, the same pipeline with slower multiplies: MLA two, long ones three to seven.
- Cortex-M0+: Arm DDI 0484, "Instruction set summary": loads and stores two, multiple transfers one and one
  more a word, taken branches two, BL three, POP with PC three and one more a word.
- Cortex-M33 and Cortex-M7: Arm publishes no timings.  M33 takes the Cortex-M4's, M7 a dual-issue model; both
  are coarse estimates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Timing:
    """Cycles of an in-order, single-issue core.

    Attributes:
        source: where the figures come from.
        published: whether the core's maker publishes them.
        load, store: one word.
        load_behind_load: one directly behind a load that its address does not need.
        store_indexed: a store whose address has two registers; `store` behind a load.
        multiply, multiply_add, long_multiply: as named.
        divide: between the fastest and the slowest, which the operands decide.
        system, barrier: MRS and MSR; DMB, DSB and ISB.
        table_branch: TBB and TBH before the refill.
        condition: an IT instruction behind a 32-bit one; where `folds`, free behind a 16-bit one.
        float_multiply_add, float_divide: single precision.
        refill_direct: what a taken branch adds when the target is in the instruction.
        refill_link: the same for BL.
        refill_register: when the target comes from a register.
        refill_memory: when it comes from memory.
        refill_wide: what a 32-bit instruction adds to that, as a target that crosses a word.
        address_wait: when an address needs the data-processing instruction directly before it.
        split_access: each further transfer that an unaligned access is split into.
    """

    source: str
    published: bool
    load: int
    load_behind_load: int
    store: int
    store_indexed: int
    multiply: int
    multiply_add: int
    long_multiply: int
    divide: int
    system: int
    barrier: int
    table_branch: int
    condition: int
    folds: bool
    float_multiply_add: int
    float_divide: int
    refill_direct: int
    refill_link: int
    refill_register: int
    refill_memory: int
    refill_wide: int
    address_wait: int
    split_access: int


CORTEX_M4 = Timing(
    source="Arm DDI 0439",
    published=True,
    load=2,
    load_behind_load=1,
    store=1,
    store_indexed=2,
    multiply=1,
    multiply_add=1,
    long_multiply=1,
    divide=7,
    system=2,
    barrier=3,
    table_branch=3,
    condition=1,
    folds=True,
    float_multiply_add=3,
    float_divide=14,
    refill_direct=1,
    refill_link=1,
    refill_register=2,
    refill_memory=2,
    refill_wide=1,
    address_wait=1,
    split_access=1,
)

CORTEX_M3 = replace(CORTEX_M4, source="Arm DDI 0337", multiply_add=2, long_multiply=5)

# The multiplier is an option of one or of 32 cycles; the chips that Lilliput knows have the fast one.
CORTEX_M0PLUS = Timing(
    source="Arm DDI 0484",
    published=True,
    load=2,
    load_behind_load=2,
    store=2,
    store_indexed=2,
    multiply=1,
    multiply_add=1,
    long_multiply=1,
    divide=1,
    system=3,
    barrier=3,
    table_branch=1,
    condition=1,
    folds=False,
    float_multiply_add=1,
    float_divide=1,
    refill_direct=1,
    refill_link=2,
    refill_register=1,
    refill_memory=2,
    refill_wide=0,
    address_wait=0,
    split_access=0,
)

CORTEX_M33 = replace(CORTEX_M4, source="Cortex-M4's, as a coarse estimate", published=False)


@dataclass(frozen=True)
class DualIssueTiming:
    """Cycles of an in-order core that starts two instructions at once.

    Attributes:
        source: where the figures come from.
        published: whether the core's maker publishes them.
        load_latency: cycles from a load to the instruction that needs it.
        multiply_latency: the same for a multiply.
        divide: cycles that a division blocks the pipeline.
        float_latency, float_divide: the same for floats.
        refill: what a taken branch costs, predicted as most are.
        refill_memory: what a jump through memory costs.
        split_access: each further transfer that an unaligned access is split into.
    """

    source: str
    published: bool
    load_latency: int
    multiply_latency: int
    divide: int
    float_latency: int
    float_divide: int
    refill: int
    refill_memory: int
    split_access: int


# Six stages, in order, two instructions at a time, branches predicted: that much Arm says of the pipeline;
# the numbers are this project's reading of it.
CORTEX_M7 = DualIssueTiming(
    source="dual-issue model, as a coarse estimate",
    published=False,
    load_latency=2,
    multiply_latency=2,
    divide=7,
    float_latency=3,
    float_divide=14,
    refill=1,
    refill_memory=3,
    split_access=0,  # 64 bits at a time, so that few are split
)

TIMINGS: dict[str, Timing | DualIssueTiming] = {
    "cortex-m0plus": CORTEX_M0PLUS,
    "cortex-m3": CORTEX_M3,
    "cortex-m4": CORTEX_M4,
    "cortex-m7": CORTEX_M7,
    "cortex-m33": CORTEX_M33,
}
"""`Core.timing` → timings."""
