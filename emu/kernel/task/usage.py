"""What tasks and threads use: processor time of guest code and of the kernel, page faults, switches, memory.

A thread counts for itself; what it used is added to its task's `past` when it leaves its task's list, and a child's to
its parent's `children` when the parent has waited for it.  Both happen under the task's lock, and so do all sums: no
sum misses a thread that is just leaving, or counts it twice, so no clock made of them goes back.

User time is the retired instructions at a nominal 500 million a second (kernel/linux/time.py).  System time is
measured: the time that a CPU spends in a hot system call of the thread, and that the system server spends on its
requests.  Not counted: the last call of a thread, the handling of page faults, and switching.

USED_PEAK is the greatest number of resident frames that was seen: at page faults of CPUs, at the end of the task, and
when somebody asks.  CPUs of one task that fault at once may miss each other's last page.
"""

from ...hot import hot, never_inline
from ...limits import USAGE_WORDS
from ...shm.atomics import load_relaxed
from ..critical import either, noncritical
from ..thread.records import lock_task, unlock_task
from ..thread.usage import USED_INSTRUCTIONS, USED_PEAK, USED_SYSTEM_NS, used_by_thread

INSTRUCTION_NS = 2


@hot
def begin_usage(t):
    """A new task has used nothing."""
    for n in range(USAGE_WORDS):
        t.past[n] = 0
        t.children[n] = 0


@hot
def note_peak(m, k):
    """Look at how much memory a task has."""
    t = m.tasks[k]
    resident = load_relaxed(t, "resident")
    if resident > t.past[USED_PEAK]:
        t.past[USED_PEAK] = resident


@hot
def used_by_task(m, me, k):
    """The usage of task k, its threads that have left included, into `me`'s given_words."""
    never_inline()
    either(m, me)
    words = m.cpus[me].given_words
    t = m.tasks[k]
    note_peak(m, k)
    lock_task(m, me, k)
    for n in range(USAGE_WORDS):
        words[n] = t.past[n]
    i = t.first_thread
    while i >= 0:
        for n in range(USED_PEAK):
            words[n] += used_by_thread(m, i, n)
        i = m.threads[i].sibling_next
    unlock_task(m, me, k)


@hot
def used_by_children(m, me, k):
    """The usage of the children for which task k has waited, and theirs, into `me`'s given_words."""
    either(m, me)
    words = m.cpus[me].given_words
    lock_task(m, me, k)
    for n in range(USAGE_WORDS):
        words[n] = m.tasks[k].children[n]
    unlock_task(m, me, k)


@hot
def add_grandchildren(m, me, k):
    """Add to `me`'s given_words, which are task k's usage, that of its children."""
    words = m.cpus[me].given_words
    for n in range(USED_PEAK):
        words[n] += m.tasks[k].children[n]
    words[USED_PEAK] = max(words[USED_PEAK], m.tasks[k].children[USED_PEAK])


@hot
def add_child(m, me, parent):
    """A child for which `parent` has waited has used what `me`'s given_words say."""
    noncritical(m, me)
    words, p = m.cpus[me].given_words, m.tasks[parent]
    lock_task(m, me, parent)
    for n in range(USED_PEAK):
        p.children[n] += words[n]
    p.children[USED_PEAK] = max(p.children[USED_PEAK], words[USED_PEAK])
    unlock_task(m, me, parent)


@hot
def task_cpu_ns(m, me, k, user_only):
    """Processor time of a task's threads, past and present."""
    never_inline()
    noncritical(m, me)
    used_by_task(m, me, k)
    words = m.cpus[me].given_words
    return words[USED_INSTRUCTIONS] * INSTRUCTION_NS + (0 if user_only else words[USED_SYSTEM_NS])
