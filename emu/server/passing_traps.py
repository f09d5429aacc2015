"""Traps whose cause is gone by the time the system server looks: the access begins anew, and no signal is raised.

While the server maps a file's pages, nobody may touch them; a thread that does so traps, and its trap is served after
the mmap.  A page past its file's end may lie in the file by now.
"""

from ..abi.errno import ENOMEM
from ..kernel.vm import file_pages
from ..shm.exits import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_WRITE,
    CAUSE_FETCH_PAGE,
    CAUSE_LOAD_PAGE,
    CAUSE_PAST_END,
    CAUSE_STORE_PAGE,
)
from .calls.mapping import reveal

ACCESSES = {CAUSE_LOAD_PAGE: ACCESS_READ, CAUSE_STORE_PAGE: ACCESS_WRITE, CAUSE_FETCH_PAGE: ACCESS_FETCH}


def is_over(server, thread):
    """Whether the access that a thread trapped on would succeed now."""
    cause, task, va = int(thread["cause"]), int(thread["task"]), int(thread["trap_value"])
    if cause == CAUSE_PAST_END:
        return _file_has_grown(server, task, va)
    return cause in ACCESSES and file_pages.allows(server.base, server.me, task, va, ACCESSES[cause]) == 1


def _file_has_grown(server, task, va):
    """Whether the page of a bus error lies in its file by now; it is mapped then."""
    number = file_pages.past_end_number(server.base, server.me, task, va)
    frame = reveal(server.tasks[task], number, va) if number else None
    if frame is None:
        return False
    server.store.share(frame)
    error = file_pages.fill_past_end(server.base, server.me, task, va, frame)
    if error < 0:
        server.store.free(frame)
    return error != -ENOMEM
