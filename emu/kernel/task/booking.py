"""The accounts of a thread that leaves: added to its job's, and kept for reports (machine/report_threads.py).

The first MAX_LEFT_THREADS of a machine's threads that have left are kept, each in a record of its own that is written
once.  The job's number in it is stored last, so who finds one there finds the whole record.
"""

from ...hot import hot, never_inline
from ...limits import MAX_LEFT_THREADS
from ...shm.atomics import fetch_add, store_release
from ...shm.memory import load_64
from ...shm.spinlock import field_address


@hot
def book(m, i, job):
    """Add a dead thread's accounts to its job's, which outlive thread and task, and keep them for reports."""
    never_inline()
    t = m.threads[i]
    j = m.jobs[job]
    fetch_add(j, "threads", 1)
    fetch_add(j, "runtime_ns", t.runtime_ns)
    fetch_add(j, "run_delay_ns", t.run_delay_ns)
    fetch_add(j, "slices", t.slices)
    fetch_add(j, "involuntary", t.involuntary)
    fetch_add(j, "migrations", t.migrations)
    fetch_add(j, "instructions", t.instructions)
    n = fetch_add(m, "nr_left_threads", 1)
    if n < MAX_LEFT_THREADS:
        _keep(m, m.left_threads[n], t, i)
        store_release(m.left_threads[n], "job", j.number + 1)  # the record is whole


@hot
def _keep(m, left, t, i):
    left.index = i
    left.generation = t.generation
    left.pid = m.tasks[t.task].pid
    name = field_address(t, "name")
    left.name[0] = load_64(name)
    left.name[1] = load_64(name + 8)
    left.runtime_ns = t.runtime_ns
    left.system_ns = t.system_ns
    left.served_ns = t.served_ns
    left.run_delay_ns = t.run_delay_ns
    left.slices = t.slices
    left.involuntary = t.involuntary
    left.migrations = t.migrations
    left.instructions = t.instructions
    left.faults = t.faults
