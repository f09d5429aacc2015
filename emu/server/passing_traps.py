"""Traps whose cause is gone by the time the system server looks: the access begins anew, and no signal is raised.

A page of a mapped file that is not in memory is brought there: it has not been read from its host file yet, or lay past
the file's end when another access failed, and the file has grown.  Where guest memory was used up, there is some again
once a task has ended (memory_shortage.py).
"""

from ..kernel.vm.file_objects import find_file_page
from ..shm.exits import CAUSE_NO_MEMORY, CAUSE_PAST_END


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
