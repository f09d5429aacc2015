"""Served signal calls: rt_sigaction, sigaltstack, rt_sigpending, rt_sigsuspend, rt_sigtimedwait, signalfd4.

Beside what registry.py lists, a Call here has `thread` and `task_record` (their records), `thread_index`,
`task_index` and `server`.  What outlives a call is in the thread's record.
"""

import functools
import struct

from ...abi.errno import EAGAIN, EINVAL, ENOMEM, EPERM
from ...abi.files import O_CLOEXEC, O_NONBLOCK
from ...abi.registers import SP
from ...abi.signals import SIG_DFL, SIG_IGN, SIGKILL, SIGSTOP, bit
from ...abi.words import signed
from ...kernel.task.alternate_stack import SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, in_use, room_problem
from ...kernel.task.siginfo import INFO_BYTES
from ...kernel.task.signals import IGNORED_BY_DEFAULT, UNBLOCKABLE, discard_from_all, take_signal
from ...limits import NUM_SIGNALS
from ..errors import Blocked, LinuxError
from ..vfs.signal_file import SignalFile, SignalNode
from .events import place_new
from .registry import Int32, Pointer, Size, Timeout, only, served
from .signal_masks import wait_with_mask

# NOCLDSTOP, NOCLDWAIT, SIGINFO, EXPOSE_TAGBITS, ONSTACK, RESTART, NODEFER, RESETHAND: others do not stay set
KNOWN_FLAGS = 0x1 | 0x2 | 0x4 | 0x800 | 0x0800_0000 | 0x1000_0000 | 0x4000_0000 | 0x8000_0000
SIGINFO_BYTES = 128


@served("rt_sigaction")
def rt_sigaction(call, number: Int32, new: Pointer, old: Pointer, size: Size):
    if size != 8:
        raise LinuxError(EINVAL)
    action = struct.unpack("<QQQ", call.read(new, 24)) if new else None
    if not 1 <= number <= NUM_SIGNALS or (new and number in (SIGKILL, SIGSTOP)):
        raise LinuxError(EINVAL)
    task, k = call.task_record, number - 1
    before = [int(task[field][k]) for field in ("handler", "handler_flags", "handler_mask")]
    if action:
        handler, flags, mask = action
        task["handler"][k] = signed(handler)
        task["handler_flags"][k] = flags & KNOWN_FLAGS
        task["handler_mask"][k] = signed(mask) & ~UNBLOCKABLE
        set_action_masks(task)
        if handler == SIG_IGN or (handler == SIG_DFL and IGNORED_BY_DEFAULT & bit(number)):
            discard_from_all(call.server.base, call.server.me, call.task_index, bit(number))
    if old:
        call.write(old, struct.pack("<qqq", *before))
    return 0


def set_action_masks(task):
    """Keep the masks that hot code looks at in step with the table of handlers."""
    handled = ignored = 0
    for k, handler in enumerate(task["handler"]):
        if handler == SIG_IGN:
            ignored |= bit(k + 1)
        elif handler != SIG_DFL:
            handled |= bit(k + 1)
    task["handled"], task["ignored"] = handled, ignored


@served("sigaltstack")
def sigaltstack(call, new: Pointer, old: Pointer):
    """Linux takes any address and size, and kills at the first frame; here a stack out of user space is ENOMEM."""
    thread = call.thread
    sp = int(thread["x"][SP])
    wanted = struct.unpack("<QIIQ", call.read(new, 24)) if new else None
    low, size, flags = (int(thread[f"alt_stack{part}"]) for part in ("", "_bytes", "_flags"))
    shown = (SS_DISABLE if not size else SS_ONSTACK if in_use(thread, sp) else 0) | flags & SS_AUTODISARM
    if wanted:
        set_alternate_stack(thread, sp, *wanted)
    if old:
        call.write(old, struct.pack("<QIIQ", low, shown, 0, size))
    return 0


def set_alternate_stack(thread, sp, low, flags, _, size):
    """sigaltstack, by rt_sigreturn too. EPERM while the thread is on it, EINVAL, ENOMEM."""
    if in_use(thread, sp):
        raise LinuxError(EPERM)
    mode = flags & ~SS_AUTODISARM
    if mode not in (0, SS_ONSTACK, SS_DISABLE):
        raise LinuxError(EINVAL)
    if mode == SS_DISABLE:
        low = size = 0
    elif room_problem(low, size):
        raise LinuxError(ENOMEM)
    thread["alt_stack"], thread["alt_stack_bytes"] = low, size
    thread["alt_stack_flags"] = flags


@served("rt_sigpending")
def rt_sigpending(call, address: Pointer, size: Size):
    if size > 8:
        raise LinuxError(EINVAL)
    pending = int(call.thread["signals"]) | int(call.task_record["signals"])
    call.write(address, struct.pack("<q", pending & int(call.thread["signal_mask"]))[:size])
    return 0


@served("rt_sigsuspend")
def rt_sigsuspend(call, address: Pointer, size: Size):
    wait_with_mask(call, address, size)
    raise Blocked(None, restarts=False)


@served("rt_sigtimedwait")
def rt_sigtimedwait(call, wanted_at: Pointer, info_at: Pointer, timeout: Timeout, size: Size):
    """Takes one of the wanted signals, blocked or not; while it waits they are in THREAD.awaited."""
    if size != 8:
        raise LinuxError(EINVAL)
    if call.memo is None:
        wanted = struct.unpack("<q", call.read(wanted_at, 8))[0] & ~UNBLOCKABLE
        deadline = None if timeout is None else call.machine.monotonic_ns() + timeout
        call.memo = (wanted, call.resume_deadline_ns or deadline)
    wanted, deadline = call.memo
    call.thread["awaited"] = 0
    number = take_signal(call.server.base, call.server.me, call.thread_index, wanted)
    if number:
        if info_at:
            call.write(info_at, taken_info(call.server))
        return number
    if deadline is not None and call.machine.monotonic_ns() >= deadline:
        raise LinuxError(EAGAIN)
    call.thread["awaited"] = wanted  # before the sleep is declared; pairs with taken_by in the poster
    raise Blocked(None, deadline_ns=deadline, restarts=False)


def taken_info(server):
    """Linux's siginfo of the signal that the server took last."""
    return server.machine["cpus"][server.me]["siginfo"].tobytes()[:INFO_BYTES].ljust(SIGINFO_BYTES, b"\0")


@served("signalfd4")
def signalfd4(call, fd: Int32, mask_at: Pointer, size: Size, flags: Int32):
    only(flags, O_CLOEXEC | O_NONBLOCK)
    if size != 8:
        raise LinuxError(EINVAL)
    mask = struct.unpack("<q", call.read(mask_at, 8))[0] & ~UNBLOCKABLE
    if fd == -1:
        node = functools.partial(SignalNode, call.tree.filesystem, call.server, call.thread_index)
        return place_new(call, flags, lambda: SignalFile(node(), flags & O_NONBLOCK, mask))
    file = call.task.files.usable(fd)
    if not isinstance(file, SignalFile):
        raise LinuxError(EINVAL)
    file.mask = mask
    return fd
