"""What a task has mapped, told region by region to cold code (/proc/PID/maps, statm).

A region is a stretch of pages with the same permissions.  Page tables say where one begins and ends, so neighbours that
were mapped apart are told as one.  One call looks at a bounded number of entries with mm_lock held; what a task maps
between two calls may show in part.
"""

from ...hot import entry
from ...limits import EDITED_ENTRIES, USER_TOP
from ...shm.layout import machine_at
from .address_space import lock_mm, unlock_mm
from .pagetable import RWX, SHARED, covering, span_bytes


@entry(4)
def next_region(address, me, task, va):
    """Look for a region from va on; where to go on looking, USER_TOP at the end.

    `me`'s given_words say what was found: start, end, its R, W, X and SHARED flags.  Start and end are equal where
    nothing was found up to there.  A region that is longer than one call looks goes on where the next one begins.
    """
    m = machine_at(address)
    words = m.cpus[me].given_words
    flags = -1
    start = va
    lock_mm(m, me, task)
    for _ in range(EDITED_ENTRIES):
        if va >= USER_TOP:
            break
        found, level = covering(m, m.tasks[task].root, va)
        if flags < 0 and found != 0:
            start = va
            flags = found & (RWX | SHARED)
        elif flags >= 0 and (found == 0 or found & (RWX | SHARED) != flags):
            break
        va = (va & ~(span_bytes(level) - 1)) + span_bytes(level)
    unlock_mm(m, me, task)
    words[0] = start if flags >= 0 else va
    words[1] = va
    words[2] = flags
    return va
