"""The native calls that are served, beside the Linux calls in every task and with the same errors.

Their numbers are in kernel/native/numbers.py; emu/guests/emu.h declares all of them for C.
"""

from ...abi.errno import EFAULT, ENAMETOOLONG
from ...kernel.native.numbers import EXCLUSIVE, PRINT
from ...kernel.sched.exclusive import set_exclusive
from ...kernel.task.kill_reasons import KILL_UNOWNED_MEMORY
from ...limits import PAGE_SIZE
from ..errors import LinuxError, OthersFirst
from .registry import Int32, Int64, served

PAGES_A_TURN = 64  # so many pages of a string are printed before others are served


@served("emu_print", number=PRINT)
def emu_print(call, text: Int64):
    """The document's example (alux-8): print a string; memory that is not the task's own kills it."""
    at = call.memo or text
    for _ in range(PAGES_A_TURN):
        try:
            piece, ended = _to_nul_or_page_end(call, at)
        except LinuxError as error:
            assert error.errno == EFAULT
            call.scope.exit(KILL_UNOWNED_MEMORY)
        while piece:
            taken = call.print(piece)
            piece = piece[taken:]
            at += taken
            call.memo = call.thread["restart_a0"] = at  # whatever makes the call again, it goes on from here
        if ended:
            return 0
    raise OthersFirst


def _to_nul_or_page_end(call, at):
    """(bytes from `at`, whether a NUL comes after them); EFAULT."""
    room = PAGE_SIZE - (at & (PAGE_SIZE - 1))
    try:
        return call.string(at, room), True
    except LinuxError as error:
        if error.errno != ENAMETOOLONG:
            raise
    return call.read(at, room), False


@served("emu_exclusive", number=EXCLUSIVE)
def emu_exclusive(call, on: Int32):
    """The CPU that the caller is pinned to runs nothing else (1), or is open again (0) (inko-5)."""
    return set_exclusive(call.server.base, call.server.me, call.thread_index, on)
