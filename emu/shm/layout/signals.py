"""Fields of shared records about signals (kernel/task/siginfo.py, kernel/task/signals.py, server/signal_frames.py)."""

from .declare import i64, i64s, record

SIGINFO = record(
    "SIGINFO",
    i64("next", guard="signal_lock", doc="queue link, free list link (siginfos_lock): index + 1, 0 none"),
    i64s("words", 7, guard="signal_lock", doc="48 bytes of Linux's siginfo, then the sending thread's handle, -1 none"),
)

THREAD_SIGNALS = (
    i64("signals", guard="signal_lock", doc="pending, bit n-1 for signal n; read without (kernel/task/siginfo.py)"),
    i64("signal_first", guard="signal_lock", doc="queue of SIGINFO records: index + 1, 0 none"),
    i64("signal_last", guard="signal_lock"),
    i64("uid", guard="server", doc="real user id: si_uid of what it sends"),
    i64("fault_signal", guard="this thread", doc="signal a trap raised, to deliver first; 0 none"),
    i64("fault_code", guard="this thread", doc="its si_code"),
    i64("fault_address", guard="this thread", doc="its si_addr"),
    i64("signal_mask", guard="this thread", doc="blocked"),
    i64("saved_mask", guard="this thread", doc="the mask to restore after a call with a mask of its own"),
    i64("mask_is_saved", guard="this thread", doc="1: signal_mask is such a call's"),
    i64("awaited", guard="this thread", doc="signals that its rt_sigtimedwait takes, blocked or not; 0 none"),
    i64("undisturbed", guard="this thread", doc="1: it executes a block before the next signal"),
    i64("flood", guard="this thread", doc="real-time signals in a row without an instruction between"),
    i64("alt_stack", guard="this thread"),
    i64("alt_stack_bytes", guard="this thread"),
    i64("alt_stack_flags", guard="this thread", doc="as given to sigaltstack"),
)

TASK_SIGNALS = (
    i64("signal_lock", doc="guards the queues of signals of the task and its threads (kernel/task/siginfo.py)"),
    i64("signals", guard="signal_lock", doc="pending for the whole task; read without"),
    i64("signal_first", guard="signal_lock", doc="queue of SIGINFO records: index + 1, 0 none"),
    i64("signal_last", guard="signal_lock"),
    i64("nr_siginfos", guard="signal_lock", doc="records that the task and its threads hold"),
    i64("max_siginfos", guard="server", doc="RLIMIT_SIGPENDING"),
    i64("handled", guard="atomic", doc="mask of signals with a handler"),
    i64("ignored", guard="atomic", doc="mask of signals ignored"),
)
