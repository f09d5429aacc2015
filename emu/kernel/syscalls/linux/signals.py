"""Served signal calls: rt_sigaction, sigaltstack, rt_sigpending, rt_sigsuspend, rt_sigtimedwait.

Beside what registry.py lists, a Call here has `thread` and `task_record` (their
records), `thread_index` and `server`, which keeps what outlives a call.
"""

import struct

from ....limits import NUM_SIGNALS, USER_TOP
from ...signals import SIGKILL, SIGSTOP, UNBLOCKABLE
from .errors import EAGAIN, EINVAL, ENOMEM, EPERM, Blocked, LinuxError
from .registry import Int32, Pointer, Size, served

MINIMUM_STACK = 2048
SS_ONSTACK, SS_DISABLE = 1, 2
SP = 2


def _signed(value):
    return (value & (1 << 63) - 1) - (value & 1 << 63)


def _word(call, address):
    return struct.unpack("<Q", call.read(address, 8))[0]


@served("rt_sigaction")
def rt_sigaction(call, number: Int32, new: Pointer, old: Pointer, size: Size):
    if size != 8 or not 1 <= number <= NUM_SIGNALS:
        raise LinuxError(EINVAL)
    if new and number in (SIGKILL, SIGSTOP):
        raise LinuxError(EINVAL)
    task, k = call.task_record, number - 1
    action = struct.unpack("<QQQ", call.read(new, 24)) if new else None
    if old:
        words = (task["handler"][k], task["handler_flags"][k], task["handler_mask"][k])
        call.write(old, struct.pack("<qqq", *(int(w) for w in words)))
    if action:
        handler, flags, mask = action
        task["handler"][k] = _signed(handler)
        task["handler_flags"][k] = _signed(flags)
        task["handler_mask"][k] = _signed(mask) & ~UNBLOCKABLE
        call.server.set_action_masks(task)
    return 0


@served("sigaltstack")
def sigaltstack(call, new: Pointer, old: Pointer):
    thread = call.thread
    low, size = int(thread["alt_stack"]), int(thread["alt_stack_bytes"])
    active = size and low <= int(thread["x"][SP]) < low + size
    wanted = struct.unpack("<QiiQ", call.read(new, 24)) if new else None
    if old:
        flags = (SS_ONSTACK if active else 0) if size else SS_DISABLE
        call.write(old, struct.pack("<QiiQ", low, flags, 0, size))
    if wanted:
        low, flags, _, size = wanted
        if active:
            raise LinuxError(EPERM)
        if flags & ~(SS_DISABLE | SS_ONSTACK):
            raise LinuxError(EINVAL)
        if flags & SS_DISABLE:
            low = size = 0
        elif size < MINIMUM_STACK or low + size > USER_TOP:
            raise LinuxError(ENOMEM)
        thread["alt_stack"], thread["alt_stack_bytes"] = low, size
    return 0


@served("rt_sigpending")
def rt_sigpending(call, address: Pointer, size: Size):
    pending = int(call.thread["signals"]) | int(call.task_record["signals"])
    call.write(address, struct.pack("<q", pending & int(call.thread["signal_mask"]))[:size])
    return 0


def _sleep_with_mask(call, mask):
    """Wait for a signal under another mask, once: afterwards the delivery restores the old one."""
    if call.thread_index not in call.server.suspended_masks:
        call.server.suspended_masks[call.thread_index] = int(call.thread["signal_mask"])
        call.thread["signal_mask"] = _signed(mask) & ~UNBLOCKABLE


@served("rt_sigsuspend")
def rt_sigsuspend(call, address: Pointer, size: Size):
    if size != 8:
        raise LinuxError(EINVAL)
    _sleep_with_mask(call, _word(call, address))
    raise Blocked(None)


@served("rt_sigtimedwait")
def rt_sigtimedwait(call, address: Pointer, information: Pointer, timeout: Pointer, size: Size):
    if size != 8:
        raise LinuxError(EINVAL)
    server, i = call.server, call.thread_index
    if call.memo is None:
        wanted = _signed(_word(call, address)) & ~UNBLOCKABLE
        deadline = None
        if timeout:
            seconds, ns = struct.unpack("<qq", call.read(timeout, 16))
            if seconds < 0 or not 0 <= ns < 10**9:
                raise LinuxError(EINVAL)
            deadline = call.machine.monotonic_ns() + seconds * 10**9 + ns
        call.memo = (wanted, deadline)
        server.waited_signals[i] = wanted
        server.timedwait_info[i] = information
        _sleep_with_mask(call, int(call.thread["signal_mask"]) & ~wanted)
    wanted, deadline = call.memo
    pending = (int(call.thread["signals"]) | int(call.task_record["signals"])) & wanted
    if not pending and deadline is not None and call.machine.monotonic_ns() >= deadline:
        call.thread["signal_mask"] = _signed(server.suspended_masks.pop(i))
        server.waited_signals.pop(i)
        server.timedwait_info.pop(i)
        raise LinuxError(EAGAIN)
    raise Blocked(None, deadline_ns=deadline)
