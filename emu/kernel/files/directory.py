"""The working directory of a task whose files are a server's (cz-15): an open file of that server.

FILE_TABLE.directory holds a reference of its description, under the table's lock: fork copies it, threads and tasks
that share their files share it.  The word is a description's index + 1, or

     0, STARTS as an index      the server's own choice, where nobody has changed it
    -1, MACHINES                a directory of the machine's: the system server knows which (TaskState.cwd)

FILE_TABLE.umask stands beside it: what a file server is told of a new file's mode is without those bits.
"""

from ...hot import entry, hot, never_inline
from ...shm.atomics import store_relaxed
from ...shm.layout import machine_at
from ..critical import either, noncritical
from .descriptions import drop_description, hold_description
from .table import lock_table, table_of, unlock_table

STARTS, MACHINES = -1, -2


@hot
def hold_directory(m, me, task):
    """The description of the working directory, of which the caller has a reference now; STARTS or MACHINES."""
    never_inline()
    either(m, me)
    f = table_of(m, task)
    lock_table(m, me, f)
    d = f.directory - 1
    if d >= 0:
        hold_description(m, d)
    unlock_table(m, me, f)
    return d


@hot
def set_directory(m, me, task, d):
    """Change the working directory: the caller's reference of a description goes over to it; or MACHINES."""
    never_inline()
    noncritical(m, me)
    f = table_of(m, task)
    lock_table(m, me, f)
    before = f.directory - 1
    f.directory = d + 1
    unlock_table(m, me, f)
    if before >= 0:
        drop_description(m, me, before)


@entry(3)
def go_to_machine(address, me, task):
    """Cold form: the working directory is one of the machine's from now on."""
    m = machine_at(address)
    if m.tasks[task].file_server != 0:
        set_directory(m, me, task, MACHINES)
    return 0


@entry(4)
def set_umask(address, me, task, mask):
    """Cold form: what a task's new files must not have of their modes."""
    m = machine_at(address)
    store_relaxed(table_of(m, task), "umask", mask)
    return 0
