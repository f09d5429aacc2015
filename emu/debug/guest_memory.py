"""Guest memory through the page tables of a task, as an outsider reads it: every word of them may be anything.

    memory.read(task, address, 64)     bytes, fewer where a page is not there
    memory.word(task, address)         an unsigned number of 8 bytes, None where it is not there

A page that no access has met yet has no frame, and cannot be read: its content comes only when the guest touches it.
"""

from ..kernel.vm.pagetable import PPN_MASK, PPN_SHIFT, RWX, V, X
from ..limits import PAGE_SHIFT, PAGE_SIZE, USER_TOP


class GuestMemory:
    """Reads `ram`, an array of bytes, through the page tables in it."""

    def __init__(self, machine, ram):
        self._tasks, self._ram = machine["tasks"], ram
        self._frames = len(ram) >> PAGE_SHIFT

    def frame_bytes(self, frame, start=0, size=PAGE_SIZE):
        at = (frame << PAGE_SHIFT) + start
        return self._ram[at : at + size].tobytes()

    def entry(self, task, va):
        """The leaf entry of an address in a task's page tables, 0 where there is none."""
        table = int(self._tasks["root"][task])
        if not 0 <= va < USER_TOP:
            return 0
        for level in (2, 1, 0):
            if not 0 <= table < self._frames:
                return 0
            slot = (va >> (PAGE_SHIFT + 9 * level)) & 511
            entry = int.from_bytes(self.frame_bytes(table, slot * 8, 8), "little")
            if not entry & V:
                return 0
            if entry & RWX:
                return entry if level == 0 and _frame(entry) < self._frames else 0
            table = _frame(entry)
        return 0

    def read(self, task, va, size):
        found = b""
        while len(found) < size:
            at = va + len(found)
            entry = self.entry(task, at)
            if not entry:
                break
            offset = at % PAGE_SIZE
            found += self.frame_bytes(_frame(entry), offset, min(PAGE_SIZE - offset, size - len(found)))
        return found

    def word(self, task, va, size=8):
        content = self.read(task, va, size)
        return int.from_bytes(content, "little") if len(content) == size else None

    def is_code(self, task, va):
        """Whether an address is in a page that may be executed."""
        return bool(self.entry(task, va) & X)


def _frame(entry):
    return (entry >> PPN_SHIFT) & PPN_MASK
