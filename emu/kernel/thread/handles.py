"""Handles: index and generation in one word, the only name of a thread or task (rust-7).

A record's generation grows when it is freed, so a handle kept too long is an
error and never another thread.  A Linux thread id is the same thing in 30 bits
(musl and glibc keep tids in futex words beside two flag bits).
"""

from ...hot import entry, hot
from ...limits import MAX_JOBS, MAX_TASKS, MAX_THREADS, THREAD_BITS
from ...shm.bits import bits
from ...shm.layout import machine_at
from .states import DEAD, FREE, TASK_FREE, state_of

GENERATIONS = 1 << (30 - THREAD_BITS - 1)  # so many generations a tid can tell apart


HANDLE = bits("index:32 generation:*")  # of a thread, task or job
handle_index, handle_generation = HANDLE.getters()
make_handle = HANDLE.packer()


@hot
def thread_handle(m, i):
    return make_handle(i, m.threads[i].generation)


@hot
def task_handle(m, k):
    return make_handle(k, m.tasks[k].generation)


@hot
def thread_index(m, handle):
    """Index of the thread a handle names, or -1 when it has left or is no handle at all.

    The thread may leave the next moment: to look at its record afterwards, hold it (reaping.py).
    """
    i = handle_index(handle)
    if i >= MAX_THREADS or m.threads[i].generation != handle_generation(handle):
        return -1
    return i if exists(m.threads[i]) else -1


@hot
def exists(t):
    """Whether a thread has not left. A dead one has left, even while somebody still holds its record."""
    state = state_of(t)
    return state != FREE and state != DEAD


@hot
def task_index(m, handle):
    """Index of the task a handle names, or -1 when it is stale."""
    k = handle_index(handle)
    if k >= MAX_TASKS or m.tasks[k].generation != handle_generation(handle):
        return -1
    return k if m.tasks[k].state != TASK_FREE else -1


@hot
def job_index(m, handle):
    """Index of the job that a handle names, or -1 when its record was given back."""
    job = handle_index(handle)
    return job if job < MAX_JOBS and m.jobs[job].generation == handle_generation(handle) else -1


@hot
def tid_of(m, i):
    """The Linux thread id of a thread: from 1, at most 29 bits."""
    return (i | ((m.threads[i].generation % GENERATIONS) << THREAD_BITS)) + 1


@hot
def thread_of_tid(m, tid):
    """Index of the living thread with this Linux id, or -1."""
    if tid <= 0:
        return -1
    i = (tid - 1) & (MAX_THREADS - 1)
    if not exists(m.threads[i]) or tid_of(m, i) != tid:
        return -1
    return i


assert MAX_THREADS == 1 << THREAD_BITS


@entry(2)
def tid(address, i):
    """Cold form of tid_of."""
    return tid_of(machine_at(address), i)


@entry(2)
def thread_by_tid(address, number):
    """Cold form of thread_of_tid."""
    return thread_of_tid(machine_at(address), number)
