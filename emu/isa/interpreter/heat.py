"""Where guests spend their instructions: samples, by which the translator finds what is hot.

The interpreter gives out its budget in slices.  At the end of each, which is always at a jump backward, an indirect one
or one into another page, `sample` counts where it stands.  So a loop or a function gets its share of samples, and the
instructions in between are not slowed down by counters.  Where the place is translated, the next slice is longer: to
leave a region costs more than an instruction.

The counts lie in MACHINE.heat, a small table by hash, which all CPUs share without locks: a lost count does no harm.  A
place that meets another one's entry wears that down before it takes it, so rare places do not push out hot ones.

The translator is told twice: at HOT, for what is known already is loaded in a moment, and at WORTH, for to translate
takes as long as to interpret some fifty million instructions, and is done for what may well execute that many.
"""

from ...hot import hot, never_inline
from ...limits import HEAT_ENTRIES, PAGE_SIZE
from ...shm.atomics import load_relaxed
from ...shm.layout import machine_at
from ...shm.memory import get, host_yield, put
from ...shm.regions import TRANSLATE_OFF, TRANSLATE_SYNC
from ..table import OP_REGION
from ..words import OP_MASK
from .frame import FRAME

SLICE = 1_000  # instructions between two samples
TRANSLATED_SLICE = 1_500
SAMPLE = 16  # what one counts; a way out of translated code that is taken counts 1
HOT = 200
WORTH = 8_000  # half a million interpreted instructions
ANSWERED = -1000  # what a count becomes when the translator has looked
_BUDGET, _LIMIT = 8 * FRAME.index("budget"), 8 * FRAME.index("limit")


@hot
def _tells(before, after):
    """Whether a count has just become one at which the translator is told."""
    return (before < HOT and after >= HOT) or (before < WORTH and after >= WORTH)


@hot
def more(machine, cpu, frame):
    """For translated code, whose slice is used up: how many more of the budget's instructions it may execute.

    0 where an interrupt is pending; translated code looks nowhere else.
    """
    never_inline()
    c = machine_at(machine).cpus[cpu]
    if load_relaxed(c, "pending") != 0:
        return 0
    budget, limit = frame + _BUDGET, frame + _LIMIT
    given = min(get(limit) - get(budget), TRANSLATED_SLICE)
    put(budget, get(budget) + given)
    c.translated += given
    return given


@hot
def sample(machine, cpu, pc, words, rest):
    """Count a place, whose page is decoded at `words` (0: not known); how many of the budget's `rest` come next.

    One that is translated is not counted.
    """
    never_inline()
    m = machine_at(machine)
    if m.translating == TRANSLATE_OFF:
        return rest
    if words == 0:
        return min(rest, SLICE)
    ip = words + (pc & (PAGE_SIZE - 1)) * 4
    if get(ip) & OP_MASK == OP_REGION:
        return min(rest, TRANSLATED_SLICE)
    h = m.heat[((ip >> 3) ^ (ip >> 15)) & (HEAT_ENTRIES - 1)]
    if h.ip != ip or h.pc != pc:
        if h.count > 0:
            h.count -= SAMPLE
            return min(rest, SLICE)
        h.ip = ip
        h.pc = pc
        h.task = m.cpus[cpu].tlb_task
        h.count = 0
    h.count += SAMPLE
    if _tells(h.count - SAMPLE, h.count):
        m.cpus[cpu].found_heat = 1
    if m.translating == TRANSLATE_SYNC:
        while (
            load_relaxed(h, "count") >= HOT
            and load_relaxed(m, "translating") == TRANSLATE_SYNC
            and load_relaxed(m.cpus[cpu], "pending") == 0
        ):
            host_yield()
    return min(rest, SLICE)


@hot
def count_exit(machine, cpu, pc, ip):
    """Count a place to which translated code has left, and which is not translated."""
    never_inline()
    m = machine_at(machine)
    h = m.heat[((ip >> 3) ^ (ip >> 15)) & (HEAT_ENTRIES - 1)]
    if h.ip != ip or h.pc != pc:
        if h.count > 0:
            h.count -= 1
            return
        h.ip = ip
        h.pc = pc
        h.task = m.cpus[cpu].tlb_task
        h.count = 0
    h.count += 1
    if _tells(h.count - 1, h.count):
        m.cpus[cpu].found_heat = 1
