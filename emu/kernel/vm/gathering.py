"""Frames that were taken out of page tables and wait until no TLB holds them.

Invariant: no frame is dropped while a TLB may hold it.  Whoever edits page tables puts
each frame that an edit takes out into its own CPU.gathered, and when that is full, or the
edit is over, it unlocks mm_lock, shoots the task's TLBs down and drops them all
(`release_gathered`).  The buffer belongs to one actor and is empty between two edits, so
a frame that two mappings share may be in two buffers, or twice in one: once for each reference.

Frames of page tables never come here: only walks under mm_lock look at tables, no TLB does.

Rejected: chaining the frames through FRAME.link.  A file's page that is mapped twice is
then twice in one chain, or in the chains of two tasks, and is freed as often as the
circle goes round.
"""

from ...hot import hot, never_inline
from ...limits import GATHERED_FRAMES
from ...shm.atomics import fetch_add
from ..critical import either
from .frames import drop_frame
from .shootdown import shoot_down_task


@hot
def is_full(m, me):
    """No room for another frame: `release_gathered` first."""
    return m.cpus[me].nr_gathered >= GATHERED_FRAMES


@hot
def gather(m, me, frame):
    """Keep a frame, with the reference that its page-table entry had. Not when the buffer is full."""
    c = m.cpus[me]
    c.gathered[c.nr_gathered] = frame
    c.nr_gathered += 1


@hot
def release_gathered(m, me, task):
    """Shoot the task's TLBs down and drop what was gathered. No spinlock may be held."""
    never_inline()
    either(m, me)
    c = m.cpus[me]
    count = c.nr_gathered
    if count == 0:
        return
    shoot_down_task(m, me, task)
    for k in range(count):
        drop_frame(m, me, c.gathered[k])
    c.nr_gathered = 0
    fetch_add(m.tasks[task], "resident", -count)
