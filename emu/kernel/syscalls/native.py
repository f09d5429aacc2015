"""The native personality: calls of emu's own, numbers from 0x1000, declared for C in guests/emu.h.

They are served like the Linux calls, with the same errors, beside them in every task.
"""

from ...limits import PAGE_SIZE
from ..exclusive import set_exclusive
from ..handles import thread_by_tid
from ..kill_reasons import KILL_UNOWNED_MEMORY
from ..suspend import ask_resume, ask_suspend, suspended
from .linux.errors import EFAULT, EINVAL, ENAMETOOLONG, ESRCH, Blocked, LinuxError, OthersFirst
from .linux.registry import Int32, Int64, served

FIRST = 0x1000
PAGES_A_TURN = 64  # of a string, before others are served
NAMES = ("emu_print", "emu_exclusive", "emu_suspend", "emu_resume")
NUMBERS = {name: FIRST + k for k, name in enumerate(NAMES)}


@served("emu_print", number=NUMBERS["emu_print"])
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


@served("emu_exclusive", number=NUMBERS["emu_exclusive"])
def emu_exclusive(call, on: Int32):
    """The CPU that the caller is pinned to runs nothing else (1), or is open again (0) (inko-5)."""
    return set_exclusive(call.server.base, call.server.me, call.thread_index, on)


def _handle(call, tid):
    i = thread_by_tid(call.server.base, tid)
    if i < 0 or int(call.server.machine["threads"][i]["task"]) != call.task_index:
        raise LinuxError(ESRCH)
    return i | (int(call.server.machine["threads"][i]["generation"]) << 32)


@served("emu_suspend", number=NUMBERS["emu_suspend"])
def emu_suspend(call, tid: Int32):
    """Suspend a thread of the caller's task, and wait until it is (cz-5); the caller itself: at once."""
    if call.memo is None:
        call.memo = _handle(call, tid)
        wait = tid != call.tid
        if ask_suspend(call.server.base, call.server.me, call.memo, call.server.me + 1 if wait else 0) == 0:
            raise LinuxError(EINVAL)  # it is suspended already, or about to be
        if not wait:
            return 0
    state = suspended(call.server.base, call.memo)
    if state == 0:
        raise Blocked(None)
    if state < 0:
        raise LinuxError(ESRCH)
    return 0


@served("emu_resume", number=NUMBERS["emu_resume"])
def emu_resume(call, tid: Int32):
    """Let a suspended thread go on; EINVAL when it is not suspended."""
    if ask_resume(call.server.base, call.server.me, _handle(call, tid)) != 1:
        raise LinuxError(EINVAL)
    return 0
