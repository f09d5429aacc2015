"""Breakpoints in decoded code: the word of an instruction is replaced, and the guest's memory stays as it is.

So a guest that reads its own code sees no breakpoint, nor does a child that is forked.  Tasks that have the frame in
common come to the word, too: their CPU finds that the breakpoint is not theirs, and executes the instruction
(loop.py).  The word is a hint: where it is lost, since the page was stored to or mapped anew, nothing stops there
until the debugger sets it again, which it does whenever it lets the task go on.

Machines that are debugged have no translated code: that would not come to these words.
"""

from ..hot import entry
from ..isa.table import OP_BREAK
from ..isa.words import OP_MASK
from ..kernel.vm.faults import resolve
from ..kernel.vm.maplock import lock_mm, unlock_mm
from ..kernel.vm.pagetable import frame_in
from ..limits import PAGE_SIZE
from ..shm.exits import ACCESS_READ
from ..shm.layout import decoded_address, machine_at
from ..shm.memory import get, put


@entry(5)
def mark_breakpoint(address, me, task, va, on):
    """Set or remove the word of a breakpoint; 0 where the task has no page in memory. The machine is paused."""
    m = machine_at(address)
    lock_mm(m, me, task)
    leaf = resolve(m, me, task, va, ACCESS_READ)
    if leaf > 0:
        word = decoded_address(m, frame_in(leaf)) + (va & (PAGE_SIZE - 1)) // 2 * 8
        if on:
            put(word, OP_BREAK)
        elif get(word) & OP_MASK == OP_BREAK:
            put(word, 0)
    unlock_mm(m, me, task)
    return int(leaf > 0)
