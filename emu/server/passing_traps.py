"""Traps whose cause is gone by the time the system server looks: the access begins anew, and no signal is raised.

A page of a mapped file that is not in memory is brought there: it has not been read from its host file yet, or lay past
the file's end when another access failed, and the file has grown.
"""

from ..kernel.vm.file_objects import find_file_page
from ..shm.exits import CAUSE_PAST_END


def is_over(server, thread):
    """Whether the access that a thread trapped on would succeed now."""
    return int(thread["cause"]) == CAUSE_PAST_END and bring_page(server, int(thread["task"]), int(thread["trap_value"]))


def bring_page(server, task, va):
    """See that the page of a file that is mapped at an address is in memory; whether it is."""
    if not find_file_page(server.base, server.me, task, va):
        return False
    found, page = (int(word) for word in server.machine["cpus"][server.me]["given_words"][:2])
    mapped = server.store.mapped(found)
    return mapped is not None and mapped.bring(page)
