"""vfork's half of memory: the child has its parent's address space itself until it executes a program or ends.

The page tables move to the child and back, so at any time one task has them.  This is done where the thread that forks
is the only one of its task: it sleeps until it has them back, so nobody looks for the parent's memory meanwhile.
(A task with more threads goes on running, and its child gets a copy, as with fork.)  It saves copying, and what
posix_spawn's child stores for its parent arrives.

A loan ends when the borrower executes a program or its last thread leaves.  The lender may be killed meanwhile, and its
address space is destroyed then.  Whichever comes first has the lender's map_lock: either the memory goes back and is
destroyed there, or the lender's `root` says DESTROYED and the memory stays the borrower's.
A translation that a TLB has from before the loan may be wrong after it: both tasks' are shot down when it ends.
"""

from ...hot import hot, never_inline
from ...limits import USER_TOP
from ..critical import noncritical
from ..thread.handles import task_handle, task_index
from .address_space import LENT, destroy_space
from .frames import drop_frame
from .maplock import lock_map, unlock_map
from .shootdown import shoot_down_task
from .windows import note_change


@hot
def lend_space(m, me, parent, child):
    """The child gets the parent's page tables in place of its own empty ones."""
    p, c = m.tasks[parent], m.tasks[child]
    drop_frame(m, me, c.root)
    _move(p, c)
    c.lender = task_handle(m, parent)


@hot
def _move(source, target):
    note_change(source, 0, USER_TOP)  # without mm_lock: nobody else changes either space
    note_change(target, 0, USER_TOP)
    target.root = source.root
    target.areas = source.areas
    target.nr_areas = source.nr_areas
    target.area_hint = source.area_hint
    target.locked = source.locked
    target.lock_future = source.lock_future
    target.map_cursor = source.map_cursor
    target.brk_start = source.brk_start
    target.brk = source.brk
    target.resident = source.resident
    source.root = LENT
    source.resident = 0
    source.areas = 0
    source.nr_areas = 0
    source.area_hint = 0
    source.locked = 0


@hot
def give_up_space(m, me, task):
    """A task whose threads use its memory no more has none afterwards: what was lent goes back, the rest is freed."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    lender = task_index(m, t.lender) if t.lender >= 0 else -1
    handle = t.lender
    t.lender = -1
    if lender < 0 or not _give_back(m, me, task, lender, handle):
        destroy_space(m, me, task)


@hot
def _give_back(m, me, task, lender, handle):
    """Return a task's page tables to the one that a handle names, if that still waits for them; False if not."""
    t, owner = m.tasks[task], m.tasks[lender]
    lock_map(m, me, lender)
    waits = owner.root == LENT and task_index(m, handle) == lender
    if waits:
        _move(t, owner)
    unlock_map(m, me, lender)
    if waits:
        shoot_down_task(m, me, task)
        shoot_down_task(m, me, lender)
    return waits
