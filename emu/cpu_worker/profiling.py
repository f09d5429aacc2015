"""Samples for a profile: which instructions a CPU retires, found without a trace of all of them.

A sample is one instruction of the CPU's own sequence of retired instructions, chosen by chance, about one of
116,000.  It stands for all that this CPU retired since its last sample.  So a profile tells shares of retired
instructions, not of time, and system calls, faults and sleeps weigh nothing.

A CPU looks at its budget only where control transfers, so the pc at a tick is where a block begins, and the block that
used the budget up has gone: a function of one block would never be seen, and whoever it returns to twice.  Hence steps:

1. The tick of the loop is put off by a random distance (STEP_RUN), since a guest's loop may be in step with the tick.
2. Once that is reached, the instruction MARGIN later is the one that is sought.  What remains is run block by block
   (STEP_BLOCKS), each with a budget of one instruction, and before each its pc is noted.
3. The block after which the count has passed the sought one contains it.  Noted are the block's pc and how many
   instructions into it; emu/machine/profile.py, which has the program's bytes, finds the instruction.

The sought one is fixed before the place is known, by counting alone, so each instruction is as likely as any other.
MARGIN grows where a block was longer.  All of this holds since a budget of 1 ends at the next control transfer taken
(isa/interpreter/threaded.py).

Each CPU has a table of its own, MACHINE.profiles: no lock, no allocation.  A sample whose place finds no room in
PROBES tries is counted as lost.  The supervisor reads while CPUs write, and sees a sample's words once `samples` is
not 0.  Rejected: a ring that the supervisor drains, because a table is bounded whatever the supervisor does.
"""

from ..hot import hot, never_inline
from ..kernel.sched.randomness import random_below
from ..limits import PROFILE_PLACES
from ..shm.atomics import store_release
from ..shm.bits import bits
from ..shm.memory import wrapping_multiply

STEP_NONE, STEP_RUN, STEP_BLOCKS = range(3)
JITTER = 1 << 15  # instructions by which the tick is put off, at most
MARGIN = 1 << 7  # instructions; more than almost any block has
MOST_SKIPPED = (1 << 16) - 1
PROBES = 64
PLACE = bits("skipped:16 program:*")  # PROFILE_PLACE.where
pack_place = PLACE.packer()
_HASH = -7046029254386353131  # 2**64 / golden ratio


@hot
def sample(m, me, i):
    """A budget of thread i is used up: go on with the present sample. True when what a tick does otherwise is due.

    False: CPU.tick_at has been set anew, and the CPU shall look again what to run.
    """
    never_inline()
    c = m.cpus[me]
    p = m.profiles[me]
    if p.step == STEP_NONE:
        p.wanted = c.instructions + 1 + random_below(m, me, JITTER)
        p.step = STEP_RUN
        c.tick_at = p.wanted
        return False
    if p.step == STEP_RUN:
        margin = MARGIN
        while p.wanted + margin < c.instructions:  # it was retired in the block that has just ended
            margin *= 8
        p.target = p.wanted + margin
        p.step = STEP_BLOCKS
    elif c.instructions > p.target:
        p.step = STEP_NONE
        if _block_was_run(m, me):
            _note(p)
        return True
    _begin_block(m, me, i)
    c.tick_at = c.instructions + 1
    return False


@hot
def _begin_block(m, me, i):
    p = m.profiles[me]
    t = m.threads[i]
    p.block = t.pc
    p.block_at = m.cpus[me].instructions
    p.x1 = t.x[1]
    p.program = m.tasks[t.task].program
    p.thread = i
    p.generation = t.generation
    p.retired = t.instructions


@hot
def _block_was_run(m, me):
    """Whether all that this CPU retired since then was that thread's; where not, the next sample stands for it."""
    p = m.profiles[me]
    t = m.threads[p.thread]
    return t.generation == p.generation and t.instructions - p.retired == m.cpus[me].instructions - p.block_at


@hot
def _note(p):
    """Count the sample, which stands for what was retired since the last one."""
    weight = p.target - p.counted
    p.counted = p.target
    where = pack_place(min(p.target - p.block_at, MOST_SKIPPED), p.program)
    at = (wrapping_multiply(p.block ^ (where << 20) ^ (p.x1 << 7), _HASH) >> 24) & (PROFILE_PLACES - 1)
    for _ in range(PROBES):
        place = p.places[at]
        if place.samples == 0:
            place.block = p.block
            place.where = where
            place.x1 = p.x1
        if place.block == p.block and place.where == where and place.x1 == p.x1:
            place.instructions += weight
            store_release(place, "samples", place.samples + 1)  # the words above are whole; for the supervisor's reads
            return
        at = (at + 1) & (PROFILE_PLACES - 1)
    p.lost_samples += 1
    p.lost_instructions += weight
