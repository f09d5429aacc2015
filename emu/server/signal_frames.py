"""Signals, the system server's half: choosing one, calling its handler, returning from it.

As in Linux, the frames of all signals that are pending when a thread is about to go on are stacked one on another,
so the handler of the last runs first.  A signal that was pending then and had to wait comes when the handler returns,
before the next instruction of the interrupted code.  But other threads may send faster than handlers run, and then
nothing else would ever run.  So a frame notes what was pending when it was made.  At its return only that comes at
once, and what the thread has sent itself; before new signals, the interrupted code executes a block of instructions
(THREAD.undisturbed).  Real-time signals count as new once more have come in a row than their queue can hold.

The frame on the guest's stack is Linux's struct rt_sigframe for riscv64: siginfo (128 bytes), then ucontext, whose
registers a handler may read and change.  A signal that a trap raised comes first, and ends the task where it is
blocked or ignored.  A frame that cannot be written is a SIGSEGV of its own.

A guest may have written anything into a frame that comes back (rt_sigreturn): every register may have any value; of pc
the lowest bit does not count, of fcsr the upper bits, of the mask the bits of SIGKILL and SIGSTOP.
"""

import contextlib
import struct
import time

from ..abi.errno import EFAULT, EINTR
from ..abi.registers import A0, RA, SP
from ..abi.signals import SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SIG_DFL, SIG_IGN, SIGRTMIN, SIGSEGV, bit
from ..abi.words import WORD, signed
from ..kernel.sleep.endings import ECALL_BYTES
from ..kernel.task.alternate_stack import NOWHERE, SS_AUTODISARM, SS_DISABLE, stack_frame_address
from ..kernel.task.reaping import stop_task
from ..kernel.task.siginfo import SI_KERNEL
from ..kernel.task.signals import IGNORED_BY_DEFAULT, STOPS_BY_DEFAULT, own_signals, set_thread_mask, take_signal
from ..kernel.thread.states import RESTART_ALWAYS, RESTART_CALL, RESTART_PAGED
from ..limits import MAX_SIGINFOS_PER_TASK
from .calls.signals import set_action_masks, set_alternate_stack, taken_info
from .errors import LinuxError

INFO_BYTES = 128
STACK_AT, MASK_AT, CONTEXT_AT = 16, 40, 176  # in ucontext
FP_AT, FCSR_AT = CONTEXT_AT + 256, CONTEXT_AT + 512
PENDING_AT = FCSR_AT + 8  # a field of emu's own, where only the Q extension has registers
UCONTEXT_BYTES = CONTEXT_AT + 784
FRAME_BYTES = INFO_BYTES + UCONTEXT_BYTES
STANDARD = (1 << SIGRTMIN - 1) - 1


def deliver(server, i, thread, task, numbers=-1):
    """Deliver what is pending of `numbers` to a thread about to go on; the signal that ends its task, or None."""
    if thread["awaited"]:
        _answer_timedwait(server, i, thread)
    left = _pending(thread, task) & numbers
    while True:
        number, forced, info = _choose(server, i, thread, left & ~int(thread["signal_mask"]))
        if number == 0:
            return None
        handler = int(task["handler"][number - 1])
        if forced and (handler == SIG_IGN or int(thread["signal_mask"]) & bit(number)):
            handler = SIG_DFL
        if handler == SIG_IGN or (handler == SIG_DFL and not forced and IGNORED_BY_DEFAULT & bit(number)):
            continue
        if handler == SIG_DFL and not forced and STOPS_BY_DEFAULT & bit(number):
            stop_task(server.base, server.me, int(thread["task"]), number)
            continue
        if handler == SIG_DFL:
            return number
        left &= ~bit(number)
        more = _pending(thread, task) & bit(number) if number >= SIGRTMIN else 0  # comes after this has run
        if not _call_handler(server, i, thread, task, number, handler, info, left | more):
            if number == SIGSEGV:
                return SIGSEGV
            thread["fault_signal"], thread["fault_code"], thread["fault_address"] = SIGSEGV, SI_KERNEL, 0


def _pending(thread, task):
    return int(thread["signals"]) | int(task["signals"])


def _choose(server, i, thread, numbers):
    """(number, whether the thread's own trap raised it, siginfo); number 0 when there is none."""
    number = int(thread["fault_signal"])
    if number:
        thread["fault_signal"] = 0
        words = number, 0, int(thread["fault_code"]), int(thread["fault_address"]) & WORD
        return number, True, struct.pack("<iii4xQ", *words).ljust(INFO_BYTES, b"\0")
    number = take_signal(server.base, server.me, i, signed(numbers & WORD))
    return number, False, taken_info(server)


def _settle_call(server, thread, restarts):
    """As a handler will run, let the interrupted system call return EINTR, or begin anew afterwards."""
    thread["awaited"] = 0
    thread["resume_deadline_ns"] = 0
    how = int(thread["restart"])
    thread["restart"] = 0
    if how in (RESTART_ALWAYS, RESTART_PAGED) or how == RESTART_CALL and restarts:
        thread["pc"] -= ECALL_BYTES
        thread["x"][A0] = thread["restart_a0"]
    elif how:
        thread["x"][A0] = -EINTR
        if thread["sleep_remainder"]:
            _store_remainder(server, thread)


def _store_remainder(server, thread):
    """Store the time that is left until the deadline where nanosleep's second argument points."""
    left = max(int(thread["deadline_ns"]) - time.monotonic_ns(), 0)
    try:
        server.memory(thread).write(int(thread["sleep_remainder"]), struct.pack("<qq", *divmod(left, 10**9)))
    except LinuxError:
        thread["x"][A0] = -EFAULT


def _call_handler(server, i, thread, task, number, handler, info, pending):
    """Build the frame; False, and one line for the person, when it cannot be written."""
    flags = int(task["handler_flags"][number - 1])
    _settle_call(server, thread, flags & SA_RESTART)
    x = thread["x"]
    sp = stack_frame_address(thread, int(x[SP]), flags & SA_ONSTACK, FRAME_BYTES)
    mask = int(thread["saved_mask"] if thread["mask_is_saved"] else thread["signal_mask"])
    try:
        server.memory(thread).write(sp, _frame(thread, info, mask, pending))
    except LinuxError:
        _report_frame(server, thread, task, number, sp)
        return False
    thread["mask_is_saved"] = 0
    new_mask = int(thread["signal_mask"]) | int(task["handler_mask"][number - 1])
    if not flags & SA_NODEFER:
        new_mask |= bit(number)
    set_thread_mask(server.base, server.me, i, new_mask)
    if flags & SA_RESETHAND:
        task["handler"][number - 1] = SIG_DFL
        set_action_masks(task)
    if int(thread["alt_stack_flags"]) & SS_AUTODISARM:
        thread["alt_stack"] = thread["alt_stack_bytes"] = 0
        thread["alt_stack_flags"] = SS_DISABLE
    x[A0], x[A0 + 1], x[A0 + 2] = number, sp, sp + INFO_BYTES
    x[RA], x[SP] = task["trampoline"], sp
    thread["pc"] = handler & ~1
    return True


def _report_frame(server, thread, task, number, at):
    """Tell the person about a frame that cannot be written, where nothing handles the SIGSEGV that follows."""
    if int(task["handler"][SIGSEGV - 1]) in (SIG_DFL, SIG_IGN) or number == SIGSEGV:
        sp = int(thread["x"][SP]) & WORD
        where = "the alternate stack is full" if at == NOWHERE else f"memory at {at:#x} is not writable"
        server.tell_person(
            int(thread["task"]), f"SIGSEGV: no room for the frame of signal {number} (sp={sp:#x}): {where}"
        )


def _frame(thread, info, mask, pending):
    frame = bytearray(FRAME_BYTES)
    frame[:INFO_BYTES] = info
    base = INFO_BYTES
    stack = (int(thread[f"alt_stack{part}"]) for part in ("", "_flags", "_bytes"))
    struct.pack_into("<QI4xQ", frame, base + STACK_AT, *stack)
    struct.pack_into("<Q", frame, base + MASK_AT, mask & WORD)
    registers = [int(thread["pc"]), *(int(v) for v in thread["x"][1:32])]
    struct.pack_into("<32q", frame, base + CONTEXT_AT, *registers)
    struct.pack_into("<32q", frame, base + FP_AT, *(int(v) for v in thread["f"]))
    struct.pack_into("<I", frame, base + FCSR_AT, int(thread["fcsr"]) & 0xFF)
    struct.pack_into("<Q", frame, base + PENDING_AT, pending & WORD)
    return bytes(frame)


def sigreturn(server, i, thread, task):
    """rt_sigreturn: registers, mask and alternate stack from the frame that sp points to, then what waited for it.

    Returns as deliver does. LinuxError: bad frame.
    """
    sp = int(thread["x"][SP]) & WORD
    context = server.memory(thread).read(sp + INFO_BYTES & WORD, UCONTEXT_BYTES)
    registers = struct.unpack_from("<32q", context, CONTEXT_AT)
    thread["pc"] = registers[0] & ~1
    thread["x"][1:32] = registers[1:]
    thread["f"][:] = struct.unpack_from("<32q", context, FP_AT)
    thread["fcsr"] = struct.unpack_from("<I", context, FCSR_AT)[0] & 0xFF
    set_thread_mask(server.base, server.me, i, struct.unpack_from("<q", context, MASK_AT)[0])
    low, flags, size = struct.unpack_from("<QI4xQ", context, STACK_AT)
    with contextlib.suppress(LinuxError):  # as in Linux
        set_alternate_stack(thread, registers[SP], low, flags, 0, size)
    return _deliver_no_news(server, i, thread, task, struct.unpack_from("<q", context, PENDING_AT)[0])


def _deliver_no_news(server, i, thread, task, known):
    numbers = known | own_signals(server.base, server.me, i)
    thread["flood"] += 1
    if thread["flood"] > MAX_SIGINFOS_PER_TASK:
        numbers &= STANDARD
    pc = int(thread["pc"])
    status = deliver(server, i, thread, task, numbers)
    if status is None and int(thread["pc"]) == pc:  # no handler runs: it goes on
        thread["flood"] = 0
        thread["undisturbed"] = 1
    return status


def _answer_timedwait(server, i, thread):
    """A thread that was interrupted in rt_sigtimedwait gets the signal that it waits for, if that has come."""
    number = take_signal(server.base, server.me, i, int(thread["awaited"]))
    if number == 0:
        return
    thread["awaited"] = thread["restart"] = thread["resume_deadline_ns"] = 0
    thread["x"][A0] = number
    information = int(thread["x"][A0 + 1])
    if information:
        try:
            server.memory(thread).write(information, taken_info(server))
        except LinuxError as error:
            thread["x"][A0] = -error.errno
