"""Host addresses of guests' bytes, for tests: the kernel has no such function, because the page may go."""

from emu.hot import hot
from emu.kernel.vm.faults import resolve
from emu.kernel.vm.maplock import lock_mm, unlock_mm
from emu.kernel.vm.pagetable import frame_in
from emu.limits import PAGE_SIZE
from emu.shm.layout import frame_address


@hot
def user_address(m, me, task, va, access):
    """Host address of a guest byte, 0 when the access is not allowed."""
    lock_mm(m, me, task)
    word = resolve(m, me, task, va, access)
    unlock_mm(m, me, task)
    return frame_address(m, frame_in(word)) + (va & (PAGE_SIZE - 1)) if word > 0 else 0
