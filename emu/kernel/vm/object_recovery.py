"""Memory objects after a CPU was killed: what leads to them made anew from the truth words (cz-11).

Truth are an object's kind, its original, its pages and whether the system server keeps it, and an area's owner and
object.  From these follow how many references an object has, who its shadows are, how many pages it has, and which
records are free.  An object that turns out to have no reference is freed with its pages, for whoever was about to
give the last one back is dead.

The caller has released the locks that the dead CPU held, and nobody else may be changing objects or areas.  The nodes
of an object's index are taken as they are.  If the CPU died while it merged two objects, the pages of both are found
where they are, but one that it was moving from one to the other belongs to none: its frame stays allocated.
"""

from ...hot import hot, never_inline
from ..critical import noncritical
from .objects import OBJECT_FREE, drop_object, link_shadow, list_free_object
from .radix import NO_PAGE, next_page


@hot
def rebuild_objects(m, me):
    """Count and link all objects anew."""
    never_inline()
    noncritical(m, me)
    m.free_object = 0
    for o in range(m.fresh_object):
        r = m.objects[o]
        r.references = r.kept
        r.first_shadow = 0
        if r.kind == OBJECT_FREE:
            list_free_object(m, o)
    for o in range(m.fresh_object):
        r = m.objects[o]
        if r.kind != OBJECT_FREE:
            r.nr_pages = _count_pages(m, r)
            if r.original != 0:
                m.objects[r.original - 1].references += 1
                link_shadow(m, o, r.original - 1)
    for a in range(m.fresh_area):
        if m.areas[a].owner != 0 and m.areas[a].object != 0:
            m.objects[m.areas[a].object - 1].references += 1
    for o in range(m.fresh_object):
        if m.objects[o].kind != OBJECT_FREE and m.objects[o].references == 0:
            m.objects[o].references = 1
            drop_object(m, me, o)


@hot
def _count_pages(m, r):
    count = 0
    page = next_page(m, r, 0)
    while page < NO_PAGE:
        count += 1
        page = next_page(m, r, page + 1)
    return count
