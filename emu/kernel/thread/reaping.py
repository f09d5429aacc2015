"""The end of a thread's record (rust-2, alux-5): reaped at its death, deleted by its scheduler once nobody holds it.

THREAD.references is one word: the record's generation, and how many references there are.  The kernel has one from
`start_thread` on.  Others take one with `retain_thread`, by handle, and give it back with `drop_thread`: a supervisor
that reads a thread's fields, a suspender that marks it and looks again.

1  A thread exits: it leaves its run queue (core.leave), then `reap_thread` drops the kernel's reference.
2  Whoever drops the last reference asks the thread's scheduler, that of the CPU it died on, to delete the record: it
   puts the record on that scheduler's dead list and interrupts it.  On that CPU itself it deletes the record at once,
   by one compare-and-swap: the common case.
3  That scheduler alone deletes (`delete_dead`): the record becomes a spare or free, under the next generation.

Always true:
* whoever has a reference sees one thread: neither generation nor owner of the record change;
* a retain by handle succeeds only while the kernel or somebody else has a reference of that same generation;
* RUNQUEUE.nr_dead, which only its CPU touches, counts the dead threads of a scheduler that it has not deleted, and
  a scheduler exits only at 0 (hotplug.retire): none exits while a thread of its own still exists.

A dead thread's TASK index may name another task by then: only what the record itself holds is safe to read.

A reference is dropped with no lock held: who drops the last one may delete the record, and run destructors with that
(kse-13; save_area.py).  The dead list needs no lock: compare-and-swap pushes a record, an exchange empties the list, so
none is pushed that is on it.  The document's garbage thread, which deletes killed tasks and threads, has two
counterparts here: the system server for tasks (references.py), and each scheduler for its threads, as rust-2 asks,
which saves a switch of processes.

Rejected: a reference for each server call (a thread whose sleep the server has taken cannot die).
"""

from ...hot import CHECK, entry, hot, never_inline
from ...limits import IPI_RESCHEDULE, MAX_THREADS, THREAD_BITS
from ...shm.atomics import compare_exchange, exchange, fetch_add, load_relaxed, load_seq_cst, store_relaxed
from ...shm.bits import bits
from ...shm.layout import machine_at
from ...shm.spinlock import fail
from ..critical import noncritical
from ..failures import FAIL_REFERENCE
from ..ipi import send_ipi
from .handles import GENERATIONS, exists, handle_generation, handle_index
from .spares import recycle_thread
from .states import queue_of

REFERENCES = bits("count:32 generation:*")  # THREAD.references
reference_count, reference_generation = REFERENCES.getters()
pack_references = REFERENCES.packer()


@hot
def begin_references(t):
    """A thread that is about to be registered: the kernel has one reference. Published by its new state."""
    store_relaxed(t, "references", pack_references(1, t.generation))


@hot
def retain_thread(m, me, handle):
    """Index of the thread that a handle names, which is held from here on; -1 when it has left."""
    i = handle_index(handle)
    if i >= MAX_THREADS:
        return -1
    return _retain(m, me, i, handle_generation(handle))


@hot
def retain_tid(m, me, task, tid):
    """retain_thread by the Linux id of a thread of a task; task -1: of any."""
    i = (tid - 1) & (MAX_THREADS - 1)
    t = m.threads[i]
    generation = reference_generation(load_seq_cst(t, "references"))
    if tid <= 0 or generation % GENERATIONS != (tid - 1) >> THREAD_BITS:
        return -1
    i = _retain(m, me, i, generation)
    if i >= 0 and task >= 0 and t.task != task:
        drop_thread(m, me, i)
        return -1
    return i


@hot
def _retain(m, me, i, generation):
    never_inline()
    t = m.threads[i]
    while True:
        word = load_seq_cst(t, "references")
        if reference_generation(word) != generation or reference_count(word) == 0:
            return -1
        if compare_exchange(t, "references", word, word + 1):
            break
    _count(m, me, 1)
    if exists(t):
        return i
    drop_thread(m, me, i)  # dead, and held by others
    return -1


@hot
def drop_thread(m, me, i):
    """Give a reference back; a message (kick) may be owed afterwards."""
    never_inline()
    noncritical(m, me)
    _count(m, me, -1)
    if reference_count(fetch_add(m.threads[i], "references", -1) - 1) == 0:
        _ask_to_delete(m, me, i)


@hot
def reap_thread(m, me, i):
    """A thread that died on this CPU is unregistered from the kernel, whose reference is dropped."""
    t = m.threads[i]
    alone = pack_references(1, t.generation)
    if compare_exchange(t, "references", alone, alone - 1):
        recycle_thread(m, me, i)
        return
    m.queues[me].nr_dead += 1  # before the drop: from there on another may ask for it to be deleted
    if reference_count(fetch_add(t, "references", -1) - 1) == 0:
        _ask_to_delete(m, me, i)


@hot
def _ask_to_delete(m, me, i):
    """Ask its scheduler to delete dead thread i, which nobody holds any more."""
    t = m.threads[i]
    owner = queue_of(t)
    if owner == me:
        _delete(m, me, i)
        return
    q = m.queues[owner]
    while True:
        last = load_relaxed(q, "dead")
        t.next = last - 1
        if compare_exchange(q, "dead", last, i + 1):  # publishes `next`; pairs with the exchange in delete_dead
            break
    send_ipi(m, me, owner, IPI_RESCHEDULE)


@hot
def delete_dead(m, me):
    """This CPU's scheduler deletes the threads that were given to it."""
    never_inline()
    i = exchange(m.queues[me], "dead", 0) - 1
    while i >= 0:
        following = m.threads[i].next
        _delete(m, me, i)
        i = following


@hot
def _delete(m, me, i):
    m.queues[me].nr_dead -= 1
    recycle_thread(m, me, i)


@hot
def _count(m, me, by):
    if CHECK:
        m.cpus[me].nr_references += by


@hot
def no_references_held(m, me):
    """Check that a thread that exits holds no reference of any sort (alux-10): nobody would give it back."""
    if CHECK and m.cpus[me].nr_references != 0:
        fail(m, FAIL_REFERENCE, me)


@entry(3)
def retain(address, me, handle):
    """Cold form of retain_thread."""
    return retain_thread(machine_at(address), me, handle)


@entry(3)
def drop(address, me, i):
    """Cold form of drop_thread; the caller then sends what it owes (ipi.owed)."""
    drop_thread(machine_at(address), me, i)
    return 0
