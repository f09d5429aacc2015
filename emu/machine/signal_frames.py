"""Signals, the system server's half: choosing one, calling its handler, returning from it.

The frame on the guest's stack is Linux's struct rt_sigframe for riscv64: siginfo
(128 bytes), then ucontext, whose registers a handler may read and change.  A signal
that a trap raised comes first and cannot be blocked or ignored.
"""

import struct

from ..kernel.errno import EINTR
from ..kernel.signals import SIGKILL, SIGSTOP, UNBLOCKABLE, bit, take_signal
from ..kernel.syscalls.linux.errors import LinuxError

SIGSEGV = 11
SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND = 0x08000000, 0x10000000, 0x40000000, 0x80000000
SS_DISABLE = 2
SIG_DFL, SIG_IGN = 0, 1
SI_TKILL = -6
INFO_BYTES = 128
MASK_AT, CONTEXT_AT = 40, 176  # in ucontext
FP_AT, FCSR_AT = CONTEXT_AT + 256, CONTEXT_AT + 512
UCONTEXT_BYTES = CONTEXT_AT + 784
FRAME_BYTES = INFO_BYTES + UCONTEXT_BYTES
NR_SUSPEND, NR_TIMEDWAIT = 133, 137
RA, SP, A0, A7 = 1, 2, 10, 17


def signed(value):
    """A 64-bit word as hot code counts it."""
    return (value & (1 << 63) - 1) - (value & 1 << 63)


def choose(server, i, thread):
    """(number, code, address) of the signal to deliver now; number 0 when there is none."""
    number = int(thread["fault_signal"])
    if number:
        thread["fault_signal"] = 0
        return number, server.fault_codes.pop(i, (1, 0))
    return take_signal(server.base, server.me, i), (SI_TKILL, 0)


def deliver(server, i, thread, task):
    """Deliver pending signals to a thread about to go on; the wait status that ends its task, or None."""
    while True:
        forced = int(thread["fault_signal"])
        number, (code, address) = choose(server, i, thread)
        if number == 0:
            _restore_mask(server, i, thread)
            return None
        handler = int(task["handler"][number - 1])
        blocked = int(thread["signal_mask"]) & bit(number)
        if forced and (handler == SIG_IGN or blocked):
            handler = SIG_DFL
        waited = server.waited_signals.pop(i, None)
        if waited is not None and waited & bit(number):
            _answer_timedwait(server, i, thread, number)
            return None
        if handler == SIG_IGN or (handler == SIG_DFL and not forced and server.ignored(i, number)):
            continue
        if handler == SIG_DFL:
            return number
        if not _call_handler(server, i, thread, task, number, handler, code, address):
            return SIGSEGV
        return None


def _restart_or_interrupt(thread, restart):
    """Settle an interrupted system call before a handler runs."""
    if not thread["restart"]:
        return
    thread["restart"] = 0
    if restart and int(thread["x"][A7]) not in (NR_SUSPEND, NR_TIMEDWAIT):
        thread["pc"] -= 4
        thread["x"][A0] = thread["restart_a0"]
    else:
        thread["x"][A0] = -EINTR


def _call_handler(server, i, thread, task, number, handler, code, address):
    """Build the frame; False when the stack cannot take it."""
    flags = int(task["handler_flags"][number - 1]) & 0xFFFFFFFF
    _restart_or_interrupt(thread, flags & SA_RESTART)
    x = thread["x"]
    sp = int(x[SP])
    low, size = int(thread["alt_stack"]), int(thread["alt_stack_bytes"])
    on_alternate = size and low <= sp < low + size
    if flags & SA_ONSTACK and size and not on_alternate:
        sp = low + size
    sp = ((sp & (1 << 64) - 1) - FRAME_BYTES) & ~15
    mask = server.suspended_masks.pop(i, None)
    if mask is None:
        mask = int(thread["signal_mask"])
    frame = _frame(thread, number, code, address, mask, (low, size, on_alternate))
    try:
        server.memory(thread).write(sp, frame)
    except LinuxError:
        return False
    new_mask = mask | int(task["handler_mask"][number - 1])
    if not flags & SA_NODEFER:
        new_mask |= bit(number)
    thread["signal_mask"] = signed(new_mask & ~UNBLOCKABLE)
    if flags & SA_RESETHAND:
        task["handler"][number - 1] = SIG_DFL
        server.set_action_masks(task)
    x[A0], x[A0 + 1], x[A0 + 2] = number, sp, sp + INFO_BYTES
    x[RA], x[SP] = task["trampoline"], sp
    thread["pc"] = handler
    return True


def _frame(thread, number, code, address, mask, stack):
    low, size, on_alternate = stack
    frame = bytearray(FRAME_BYTES)
    struct.pack_into("<iii", frame, 0, number, 0, code)
    struct.pack_into("<Q", frame, 16, address & (1 << 64) - 1)
    base = INFO_BYTES
    struct.pack_into("<QiiQ", frame, base + 16, low, (1 if on_alternate else 0) if size else SS_DISABLE, 0, size)
    struct.pack_into("<Q", frame, base + MASK_AT, mask & (1 << 64) - 1)
    registers = [int(thread["pc"]), *(int(v) for v in thread["x"][1:32])]
    struct.pack_into("<32q", frame, base + CONTEXT_AT, *registers)
    struct.pack_into("<32q", frame, base + FP_AT, *(int(v) for v in thread["f"]))
    struct.pack_into("<I", frame, base + FCSR_AT, int(thread["fcsr"]) & 0xFF)
    return frame


def sigreturn(server, thread):
    """rt_sigreturn: registers and mask from the frame that sp points to. LinuxError: bad frame."""
    sp = int(thread["x"][SP])
    context = server.memory(thread).read(sp + INFO_BYTES, UCONTEXT_BYTES)
    registers = struct.unpack_from("<32q", context, CONTEXT_AT)
    thread["pc"] = registers[0]
    thread["x"][1:32] = registers[1:]
    thread["f"][:] = struct.unpack_from("<32q", context, FP_AT)
    thread["fcsr"] = struct.unpack_from("<I", context, FCSR_AT)[0] & 0xFF
    mask = struct.unpack_from("<Q", context, MASK_AT)[0]
    thread["signal_mask"] = signed(mask & ~(bit(SIGKILL) | bit(SIGSTOP)))


def _restore_mask(server, i, thread):
    """After sigsuspend or sigtimedwait without a handler: the mask from before."""
    mask = server.suspended_masks.pop(i, None)
    if mask is not None and thread["restart"] == 0:
        thread["signal_mask"] = signed(mask)
    elif mask is not None:
        server.suspended_masks[i] = mask  # the call begins anew and sleeps on


def _answer_timedwait(server, i, thread, number):
    thread["restart"] = 0
    thread["x"][A0] = number
    mask = server.suspended_masks.pop(i, None)
    if mask is not None:
        thread["signal_mask"] = signed(mask)
    information = int(server.timedwait_info.pop(i, 0))
    if information:
        record = bytearray(INFO_BYTES)
        struct.pack_into("<iii", record, 0, number, 0, SI_TKILL)
        try:
            server.memory(thread).write(information, bytes(record))
        except LinuxError as error:
            thread["x"][A0] = -error.errno


