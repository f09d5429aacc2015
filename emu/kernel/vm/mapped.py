"""What a task has mapped, told area by area to cold code (/proc/PID/maps, statm, mincore).

One call looks at one area with mm_lock held; what a task maps between two calls may show in part.
"""

from ...hot import entry
from ...limits import USER_TOP
from ...shm.layout import machine_at
from .areas import first_above, page_of
from .maplock import lock_mm, unlock_mm
from .objects import OBJECT_FILE, find_page, lock_object, lowest, unlock_object


@entry(4)
def next_region(address, me, task, va):
    """Look for the first area that ends above va; its end, USER_TOP when there is none.

    `me`'s given_words say what was found: start, end, flags, the file's OBJECT + 1 (0 none), its page at start.
    Start and end are equal where nothing was found.
    """
    m = machine_at(address)
    words = m.cpus[me].given_words
    t = m.tasks[task]
    lock_mm(m, me, task)
    a = first_above(m, t, va) if t.root >= 0 else -1
    words[0] = words[1] = USER_TOP
    words[3] = 0
    if a >= 0:
        area = m.areas[a]
        words[0] = area.start
        words[1] = area.end
        words[2] = area.flags
        words[4] = area.first
        if area.object != 0:
            bottom = lowest(m, me, area.object - 1)
            words[3] = bottom + 1 if m.objects[bottom].kind == OBJECT_FILE else 0
    unlock_mm(m, me, task)
    return words[1]


@entry(4)
def residence(address, me, task, va):
    """Whether the page of va is in memory: 1 or 0; -1 when nothing is mapped there (mincore)."""
    m = machine_at(address)
    t = m.tasks[task]
    found = -1
    lock_mm(m, me, task)
    a = first_above(m, t, va) if t.root >= 0 else -1
    if a >= 0 and m.areas[a].start <= va:
        found = 0
        o = m.areas[a].object - 1
        if o >= 0:
            lock_object(m, me, o)
            frame, _ = find_page(m, o, page_of(m.areas[a], va))
            unlock_object(m, me, o)
            found = 1 if frame >= 0 else 0
    unlock_mm(m, me, task)
    return found
