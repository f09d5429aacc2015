"""Traps whose cause is gone by the time the system server looks: the access begins anew, and no signal is raised.

A page of a mapped file that is not in memory is brought there: it has not been read from its host file yet, or lay past
the file's end when another access failed, and the file has grown.  Where guest memory was used up, there is some again
once a task has ended (memory_shortage.py).

A served call that fails for a page which the pager of its task may bring (kernel/ipc/pager.py) has done nothing: its
thread asks the pager, and makes the call again.
"""

from ..kernel.thread.states import RESTART_PAGED
from ..kernel.vm.file_objects import find_file_page
from ..shm.exits import (
    ACCESS_WRITE,
    CAUSE_LOAD_PAGE,
    CAUSE_NO_MEMORY,
    CAUSE_PAST_END,
    CAUSE_STORE_PAGE,
    NO_ACCESS,
)


def is_over(server, i, thread):
    """Whether the access that thread i trapped on may succeed when it is made again."""
    task, cause, va = (int(thread[name]) for name in ("task", "cause", "trap_value"))
    if cause == CAUSE_NO_MEMORY:
        return server.shortage.passes(i, task, va)
    return cause == CAUSE_PAST_END and bring_page(server, task, va)


def bring_page(server, task, va):
    """See that the page of a file that is mapped at an address is in memory; whether it is."""
    if not find_file_page(server.base, server.me, task, va):
        return False
    found, page = (int(word) for word in server.machine["cpus"][server.me]["given_words"][:2])
    mapped = server.store.mapped(found)
    return mapped is not None and mapped.bring(page)


def asks_pager(server, thread):
    """Have the thread, whose call has ended with EFAULT, ask its task's pager for the page; whether it may have it."""
    actor = server.machine["cpus"][server.me]
    missing, access = int(actor["missing"]), int(actor["missing_access"])
    if missing == 0 or access == NO_ACCESS:
        return False
    thread["trap_value"] = missing
    thread["cause"] = CAUSE_STORE_PAGE if access == ACCESS_WRITE else CAUSE_LOAD_PAGE
    thread["restart"] = RESTART_PAGED
    return True
