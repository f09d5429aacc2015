"""The list through which dead threads come back to their scheduler: many push, their CPU takes all at once."""

from emu.hot import entry, hot
from emu.kernel.thread.reaping import begin_references, delete_dead, drop_thread
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.spares import recycle_thread
from emu.kernel.thread.states import DEAD, RUNNABLE, RUNNING, set_where
from emu.shm.atomics import load_relaxed, store_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import DONE, add_word, dawdle, get_word, meet, over, result, violation

ALIVE_AT_ONCE = 400  # records: far more than are dead and not yet deleted


@hot
def _delete_badly(m, me):
    """Control: the list is read, and then emptied."""
    i = load_relaxed(m.queues[me], "dead") - 1
    dawdle(1)
    store_relaxed(m.queues[me], "dead", 0)
    while i >= 0:
        following = m.threads[i].next
        recycle_thread(m, me, i)
        i = following


@entry(5)
def scheduler(address, me, workers, count, bad):
    m = machine_at(address)
    meet(m, workers)
    rounds = 0
    while get_word(m, DONE) < workers - 1:  # also when the run is cut short: the others leave then
        if bad:
            _delete_badly(m, me)
        else:
            delete_dead(m, me)
        rounds += 1
        result(m, me, rounds)
    delete_dead(m, me)
    return 0


@entry(5)
def holder(address, me, workers, count, bad):
    """Threads that died on CPU 0, each with a last reference that is given back here."""
    m = machine_at(address)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        if m.fresh_thread > ALIVE_AT_ONCE:
            violation(m)  # some never come back
            break
        i = allocate_thread(m, me, 0)
        t = m.threads[i]
        begin_references(t)
        set_where(m, t, RUNNABLE, 0)
        set_where(m, t, RUNNING, 0)
        set_where(m, t, DEAD, 0)
        drop_thread(m, me, i)
        m.cpus[me].kicks = 0
        done += 1
        result(m, me, done)
        while load_relaxed(m.queues[0], "dead") != 0 and done % 8 == 0 and not over(m):
            dawdle(1)  # else the host might let the lists grow while the scheduler has no core
    add_word(m, DONE, 1)
    return 0
