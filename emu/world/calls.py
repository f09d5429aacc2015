"""System calls that a world answers itself, since they end a schedule or would need the system server.

The server's state is that of Python objects, which the end of a schedule does not take back; so a call that it serves
has to be made in a copy of the world (explore/world.py), which takes a thousand times as long.  What most programs do
within a schedule is here: they write to their standard streams, ask whether these are terminals, and end.
"""

from ..abi.errno import ENOTTY
from ..abi.registers import A0, A7
from ..abi.signals import SIGABRT
from ..abi.syscall_numbers import NUMBERS
from ..hot import callback, hot, never_inline
from ..kernel.actions import RESUME
from ..kernel.files.pipe_io import get_segment, total_length
from ..kernel.native.numbers import ASSERT_FAILED, EXPLORE_BEGIN
from ..kernel.vm.usercopy import copy_user
from ..shm.exits import ACCESS_READ
from ..shm.layout import machine_at
from ..shm.memory import call_3
from ..shm.spinlock import field_address
from .deciding import leave
from .layout import ABORTED, BOOT, ENDED, FAILED_CHECK, OUTPUT_BYTES, world_of

EXIT_GROUP = NUMBERS["exit_group"]
TKILL, TGKILL = NUMBERS["tkill"], NUMBERS["tgkill"]
WRITE, WRITEV, IOCTL = NUMBERS["write"], NUMBERS["writev"], NUMBERS["ioctl"]
FIRST_STREAM, LAST_STREAM = 0, 2


@hot
def _keep(m, w, me, task, va, count):
    """Keep bytes of the program's output, as long as there is room; how many the program may think were written."""
    room = min(count, OUTPUT_BYTES - w.nr_output)
    if room > 0:
        copied = copy_user(m, me, task, va, field_address(w, "output") + w.nr_output, room, ACCESS_READ)
        w.nr_output += copied
    return count


@hot
def _write(m, w, me, i, is_vector):
    never_inline()
    t = m.threads[i]
    if not is_vector:
        return _keep(m, w, me, t.task, t.x[A0 + 1], max(t.x[A0 + 2], 0))
    total = total_length(m, me, t.task, t.x[A0 + 1], t.x[A0 + 2])
    for n in range(t.x[A0 + 2] if total >= 0 else 0):
        error, va, length = get_segment(m, me, t.task, t.x[A0 + 1], n)
        if error < 0:
            return error
        _keep(m, w, me, t.task, va, length)
    return total


@hot
def _aborts(m, i, signal):
    """Whether this signal ends the program, as abort(3) expects."""
    return signal == SIGABRT and m.tasks[m.threads[i].task].handler[SIGABRT - 1] == 0


@callback(3)
def linux_call(address, me, i):
    """As the kernel's."""
    m = machine_at(address)
    w = world_of(m)
    t = m.threads[i]
    number, first = t.x[A7], t.x[A0]
    if number == EXPLORE_BEGIN:
        t.x[A0] = 0
        return RESUME
    if w.mode != BOOT:
        if number == EXIT_GROUP:
            leave(m, w, me, ENDED, first & 0xFF)
            return RESUME
        if number == ASSERT_FAILED:
            leave(m, w, me, FAILED_CHECK, first)
            return RESUME
        if (number == TKILL and _aborts(m, i, t.x[A0 + 1])) or (number == TGKILL and _aborts(m, i, t.x[A0 + 2])):
            leave(m, w, me, ABORTED, SIGABRT)
            return RESUME
        if FIRST_STREAM < first <= LAST_STREAM and (number == WRITE or number == WRITEV):
            t.x[A0] = _write(m, w, me, i, number == WRITEV)
            return RESUME
        if FIRST_STREAM <= first <= LAST_STREAM and number == IOCTL:
            t.x[A0] = -ENOTTY
            return RESUME
    return call_3(w.linux_call, address, me, i)
