"""Who serves a task: its pager and its file server are named by a call of whoever may steer it (cz-14, cz-15)."""

from ...abi.errno import EAGAIN, EINVAL, ESRCH
from ...abi.registers import A0
from ...hot import hot, never_inline
from ...shm.atomics import store_relaxed
from ..files.descriptions import NO_HANDLE, take_closed
from ..thread.handles import thread_of_tid
from ..thread.references import unhold_task
from .spaces import hold_steered

PAGER, FILE_SERVER = 0, 1


@hot
def name_server(m, me, i):
    """a0: tid of a thread of the task; a1: PAGER or FILE_SERVER; a2: tid of the thread that is it, 0: the kernel."""
    never_inline()
    x = m.threads[i].x
    tid, which, server = x[A0], x[A0 + 1], x[A0 + 2]
    if which != PAGER and which != FILE_SERVER:
        return -EINVAL
    if server != 0 and thread_of_tid(m, server) < 0:
        return -ESRCH
    task = hold_steered(m, me, i, tid)
    if task < 0:
        return task
    if which == PAGER:
        store_relaxed(m.tasks[task], "pager", server)
    else:
        store_relaxed(m.tasks[task], "file_server", server)
    unhold_task(m, me, task)
    return 0


@hot
def closed_file(m, me, i):
    """The handle of a file that the caller has served, and that nobody has open any more; -EAGAIN: there is none."""
    handle = take_closed(m, me, i)
    return handle if handle != NO_HANDLE else -EAGAIN
